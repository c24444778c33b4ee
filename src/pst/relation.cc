#include "pst/relation.h"

#include <fmt/format.h>

#include "base/check.h"
#include "base/threads.h"

namespace assay::pst::internal {
namespace {

Verdict shape_rejected(std::string reason) { return Verdict::rejected("proof shape", std::move(reason)); }

Verdict check_curve(const G1Affine& commitment, std::span<const G1Affine> quotients) {
  std::vector<G1Affine> points{commitment};
  points.insert(points.end(), quotients.begin(), quotients.end());
  const std::size_t bad = curve::find_invalid_point(points);
  if (bad == points.size()) return Verdict::accepted();
  const std::string name = bad == 0 ? "the commitment" : fmt::format("proof point {}", bad - 1);
  return Verdict::rejected("proof points", name + " is not on the curve");
}

/// The equation would let any point stand for the quotient along an axis of one node, which is zero.
Verdict check_axis_of_one_node(const Axes& axes, std::size_t axis, const G1Affine& quotient) {
  if (axes[axis] > 1 || quotient.is_infinity()) return Verdict::accepted();
  return shape_rejected(fmt::format("axis {} has one node, so its proof point must be infinity", axis));
}

Verdict check_leading(std::size_t coordinates, std::size_t fixed_axes, const G1Affine& commitment,
                      std::span<const G1Affine> quotients, const Axes& axes) {
  if (coordinates != fixed_axes)
    return shape_rejected(fmt::format("{} coordinates for {} axes", coordinates, axes.count()));
  if (quotients.size() != fixed_axes)
    return shape_rejected(fmt::format("{} proof points for {} coordinates", quotients.size(), coordinates));
  for (std::size_t i = 0; i < fixed_axes; ++i) {
    Verdict verdict = check_axis_of_one_node(axes, i, quotients[i]);
    if (!verdict.ok()) return verdict;
  }
  return check_curve(commitment, quotients);
}

}  // namespace

Verdict check_form(const Statement& statement, const Axes& axes) {
  return check_leading(statement.point.size(), axes.count(), statement.commitment,
                       statement.opening.quotients, axes);
}

Verdict check_form(const SliceStatement& statement, const Axes& axes) {
  return check_leading(statement.prefix.size(), statement.prefix.size(), statement.commitment,
                       statement.quotients, axes);
}

Verdict check_form(const PartsStatement& statement, const Axes& axes) {
  const Selection& selection = statement.selection;
  if (const Status status = selection.check(axes, "parts"); !status)
    return shape_rejected(status.error().to_string());
  const std::uint64_t size = selection.part_size(axes), all = size * selection.positions.size();
  std::uint64_t given = 0, end = 0;
  for (const PartsStatement::Run& run : statement.runs) {
    if (run.count == 0 || run.first < end || run.first >= all || run.count > size - run.first % size)
      return shape_rejected("a run of values is empty, out of order or does not lie within a part");
    end = run.first + run.count;
    given += run.count;
  }
  if (given != statement.values.size())
    return shape_rejected(fmt::format("{} values in runs of {}", statement.values.size(), given));
  // Zeros that pad a slice may be left out, also where it has but one value; entries are all given.
  if (selection.fixed.size() == axes.count() && given != all)
    return shape_rejected(fmt::format("{} values of {} entries", given, all));
  if (const std::uint64_t needed = quotients_of(selection, axes); statement.quotients.size() != needed)
    return shape_rejected(
        fmt::format("{} proof points where the parts need {}", statement.quotients.size(), needed));
  std::size_t next = 0;
  for (std::size_t k = 0; k < selection.positions.size(); ++k)
    for (std::size_t i = selection.shared(axes, k); i < selection.fixed.size(); ++i) {
      Verdict verdict = check_axis_of_one_node(axes, selection.fixed[i], statement.quotients[next++]);
      if (!verdict.ok()) return verdict;
    }
  return check_curve(statement.commitment, statement.quotients);
}

std::vector<G1Affine> commit_parts(const PartsStatement& statement, const Axes& axes,
                                   std::span<const G1Affine> basis) {
  const std::uint64_t size = statement.selection.part_size(axes);
  const std::size_t parts = statement.selection.positions.size();
  ASSAY_CHECK_EQ(basis.size(), size);
  // Where each part's runs and values begin.
  std::vector<std::size_t> runs(parts + 1), values(parts + 1);
  for (std::size_t k = 0, run = 0, value = 0; k < parts; ++k) {
    for (; run < statement.runs.size() && statement.runs[run].first < (k + 1) * size; ++run)
      value += statement.runs[run].count;
    runs[k + 1] = run;
    values[k + 1] = value;
  }
  std::vector<G1Affine> out(parts);
  const auto commit_part = [&](std::size_t k) {
    std::vector<std::span<const G1Affine>> points;
    for (std::size_t run = runs[k]; run < runs[k + 1]; ++run)
      points.push_back(basis.subspan(statement.runs[run].first % size, statement.runs[run].count));
    out[k] =
        curve::msm_of_runs_vartime(points, statement.values.subview(values[k], values[k + 1] - values[k]));
  };
  if (parts < worker_count()) {
    for (std::size_t k = 0; k < parts; ++k) commit_part(k);
  } else {
    parallel_for(0, parts, 1, [&](std::size_t first, std::size_t last) {
      for (std::size_t k = first; k < last; ++k) commit_part(k);
    });
  }
  return out;
}

EquationSum& EquationSum::operator+=(const EquationSum& other) {
  left_ = curve::add(left_, other.left_);
  for (std::size_t i = 0; i < quotients_.size(); ++i)
    quotients_[i] = curve::add(quotients_[i], other.quotients_[i]);
  return *this;
}

EquationSum& EquationSum::operator-=(const EquationSum& other) {
  left_ = curve::add(left_, curve::negate(other.left_));
  for (std::size_t i = 0; i < quotients_.size(); ++i)
    quotients_[i] = curve::add(quotients_[i], curve::negate(other.quotients_[i]));
  return *this;
}

bool EquationSum::holds(std::span<const curve::PreparedG2> prepared) const {
  std::vector<curve::PairingTerm> terms{{left_, &prepared[0]}};
  for (std::size_t i = 0; i < quotients_.size(); ++i) terms.push_back({quotients_[i], &prepared[i + 1]});
  return curve::final_exponentiation(curve::multi_miller_loop(terms)).is_one();
}

void Equations::Terms::put(const G1Affine& point, const Fr& factor) {
  points.push_back(point);
  factors.push_back(factor.to_scalar());
}

void Equations::Terms::append(const Terms& other, std::size_t first, std::size_t count) {
  const auto from = static_cast<std::ptrdiff_t>(first), to = static_cast<std::ptrdiff_t>(first + count);
  points.insert(points.end(), other.points.begin() + from, other.points.begin() + to);
  factors.insert(factors.end(), other.factors.begin() + from, other.factors.begin() + to);
}

G1Affine Equations::Terms::sum(std::size_t first, std::size_t last) const {
  return curve::msm_vartime(std::span(points).subspan(first, last - first),
                            IntegerView(std::span(factors).subspan(first, last - first)));
}

void Equations::close(const G1Affine& commitment, const Fr& weight, const Fr& value) {
  commitments_.push_back(commitment);
  weights_.push_back(weight);
  values_.push_back(value);
  Ends ends{left_.points.size(), wide_.points.size(), {}};
  for (const Terms& axis : quotients_) ends.quotients.push_back(axis.points.size());
  ends_.push_back(std::move(ends));
}

void Equations::add(const Statement& statement, const Scalar& weight) {
  constexpr unsigned kNodeBits = 20;
  const Fr factor = Fr::from_scalar(weight);
  for (std::size_t i = 0; i < quotients_.size(); ++i) {
    const Fr& coordinate = statement.point[i];
    const G1Affine& quotient = statement.opening.quotients[i];
    const bool narrow = coordinate.to_scalar().bit_width() <= kNodeBits;
    if (!coordinate.is_zero()) (narrow ? left_ : wide_).put(quotient, factor * coordinate);
    quotients_[i].put(quotient, factor);
  }
  close(statement.commitment, factor, factor * statement.opening.value);
}

void Equations::add(const PartsStatement& statement, const Axes& axes, std::span<const G1Affine> rests,
                    std::span<const Scalar> weights) {
  const Selection& selection = statement.selection;
  const std::size_t parts = selection.positions.size(), fixed = selection.fixed.size();
  // A quotient that stands for several parts has the sum of their weights: it is taken off when the last of
  // them has come.
  struct Open {
    std::uint32_t node;
    const G1Affine* quotient;
    Fr weight;
  };
  std::vector<Open> open;
  const auto settle = [&](std::size_t kept) {
    while (open.size() > kept) {
      const Open& last = open.back();
      const std::uint32_t axis = selection.fixed[open.size() - 1];
      if (last.node > 0) left_.put(*last.quotient, last.weight * Fr::from_u64(last.node));
      quotients_[axis].put(*last.quotient, last.weight);
      open.pop_back();
    }
  };
  Fr all = Fr::zero(), value = Fr::zero();
  auto next = statement.quotients.begin();
  for (std::size_t k = 0; k < parts; ++k) {
    const Fr weight = Fr::from_scalar(weights[k]);
    const std::vector<std::uint32_t> coordinates = selection.coordinates(axes, k);
    settle(selection.shared(axes, k));
    while (open.size() < fixed) open.push_back({coordinates[open.size()], &*next++, Fr::zero()});
    for (Open& each : open) each.weight += weight;
    all += weight;
    if (rests.empty())
      value += weight * Fr::from_scalar(statement.values[k]);
    else if (!rests[k].is_infinity())
      left_.put(rests[k], -weight);
  }
  settle(0);
  close(statement.commitment, all, value);
}

EquationSum Equations::sum(std::size_t first, std::size_t last) const {
  EquationSum out(quotients_.size());
  Terms commitments;
  Fr weight = Fr::zero(), value = Fr::zero();
  for (std::size_t k = first; k < last; ++k) {
    weight += weights_[k];
    value += values_[k];
    if (k + 1 < last && commitments_[k + 1] == commitments_[k]) continue;
    commitments.put(commitments_[k], weight);
    weight = Fr::zero();
  }
  const Ends& from = ends_[first];
  const Ends& to = ends_[last];
  const std::size_t left = to.left - from.left, wide = to.wide - from.wide;
  if (commitments.points.size() + 1 + left + wide < curve::kFewPoints) {
    commitments.put(G1Affine::generator(), -value);
    commitments.append(left_, from.left, left);
    commitments.append(wide_, from.wide, wide);
    out.left_ = commitments.sum(0, commitments.points.size());
  } else {
    out.left_ = curve::add(commitments.sum(0, commitments.points.size()),
                           curve::multiply_vartime(G1Affine::generator(), -value));
    out.left_ = curve::add(out.left_, left_.sum(from.left, to.left));
    out.left_ = curve::add(out.left_, wide_.sum(from.wide, to.wide));
  }
  parallel_for(0, quotients_.size(), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i)
      out.quotients_[i] = quotients_[i].sum(from.quotients[i], to.quotients[i]);
  });
  return out;
}

}  // namespace assay::pst::internal
