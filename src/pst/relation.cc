#include "pst/relation.h"

#include <fmt/format.h>

namespace assay::pst::internal {
namespace {

Verdict shape_rejected(std::string reason) { return Verdict::rejected("proof shape", std::move(reason)); }

}  // namespace

Relation Relation::of(const Statement& statement, const Axes& axes) {
  return {&statement.commitment, G1Affine::infinity(),        statement.opening.value,
          statement.point,       statement.opening.quotients, axes.count()};
}

Relation Relation::of(const SliceStatement& statement, const G1Affine& slice) {
  Relation relation{&statement.commitment,  slice, Fr::zero(), {}, statement.quotients,
                    statement.prefix.size()};
  for (const std::uint32_t coordinate : statement.prefix) relation.point.push_back(Fr::from_u64(coordinate));
  return relation;
}

Verdict check_form(const Relation& relation, const Axes& axes) {
  if (relation.point.size() != relation.fixed_axes || relation.fixed_axes > axes.count())
    return shape_rejected(fmt::format("{} coordinates for {} axes", relation.point.size(), axes.count()));
  if (relation.quotients.size() != relation.fixed_axes)
    return shape_rejected(
        fmt::format("{} proof points for {} coordinates", relation.quotients.size(), relation.point.size()));
  for (std::size_t i = 0; i < relation.fixed_axes; ++i)
    if (axes[i] == 1 && !relation.quotients[i].is_infinity())
      return shape_rejected(fmt::format("axis {} has one node, so its proof point must be infinity", i));

  std::vector<G1Affine> points{*relation.commitment};
  points.insert(points.end(), relation.quotients.begin(), relation.quotients.end());
  const std::size_t bad = curve::find_invalid_point(points);
  if (bad == points.size()) return Verdict::accepted();
  const std::string name = bad == 0 ? "the commitment" : fmt::format("proof point {}", bad - 1);
  return Verdict::rejected("proof points", name + " is not on the curve");
}

void RelationSum::add(std::span<const Relation> relations, std::span<const Scalar> weights) {
  std::vector<G1Affine> points;
  std::vector<Fr> factors;
  std::vector<std::vector<G1Affine>> quotients(quotients_.size());
  std::vector<std::vector<Scalar>> quotient_weights(quotients_.size());
  Fr values = Fr::zero();
  const auto put = [&](const G1Affine& point, const Fr& factor) {
    points.push_back(point);
    factors.push_back(factor);
  };
  for (std::size_t k = 0; k < relations.size(); ++k) {
    const Relation& relation = relations[k];
    const Fr weight = Fr::from_scalar(weights[k]);
    put(*relation.commitment, weight);
    if (!relation.rest.is_infinity()) put(relation.rest, -weight);
    values += weight * relation.value;
    for (std::size_t i = 0; i < relation.fixed_axes; ++i) {
      put(relation.quotients[i], weight * relation.point[i]);
      quotients[i].push_back(relation.quotients[i]);
      quotient_weights[i].push_back(weights[k]);
    }
  }
  put(G1Affine::generator(), -values);
  left_ = curve::add(left_, curve::msm_vartime(points, factors));
  for (std::size_t i = 0; i < quotients.size(); ++i)
    quotients_[i] =
        curve::add(quotients_[i], curve::msm_vartime(quotients[i], IntegerView(quotient_weights[i])));
}

bool RelationSum::holds(std::span<const curve::PreparedG2> prepared) const {
  std::vector<curve::PairingTerm> terms{{left_, &prepared[0]}};
  for (std::size_t i = 0; i < quotients_.size(); ++i) terms.push_back({quotients_[i], &prepared[i + 1]});
  return curve::final_exponentiation(curve::multi_miller_loop(terms)).is_one();
}

}  // namespace assay::pst::internal
