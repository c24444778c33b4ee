#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "base/try.h"
#include "tree/setup_state.h"

namespace assay::tree {
namespace {

void append_level(std::span<const G1Affine> points, Setup::State& state) {
  state.first_of_level.push_back(state.bases.size());
  state.bases.insert(state.bases.end(), points.begin(), points.end());
}

void make_factorials(std::size_t count, Setup::State& state) {
  state.factorials.assign(count, Fr::one());
  state.inverses.assign(count, Fr::zero());
  for (std::size_t k = 1; k < count; ++k) {
    state.inverses[k] = Fr::from_u64(k);
    state.factorials[k] = state.factorials[k - 1] * state.inverses[k];
  }
  state.inverse_factorials = state.factorials;
  batch_inverse(state.inverses);
  batch_inverse(state.inverse_factorials);
}

void make_inverses(Setup::State& state) {
  constexpr std::size_t kMostNodes = 256;  // whose differences take 2 MB
  const RootDomain& domain = *state.domain;
  state.inverse_nodes.reserve(domain.size());
  for (std::size_t c = 0; c < domain.size(); ++c) state.inverse_nodes.push_back(domain.node(c));
  batch_inverse(state.inverse_nodes);
  if (domain.size() > kMostNodes) return;
  state.inverse_differences.resize(domain.size() * domain.size());
  for (std::size_t z = 0; z < domain.size(); ++z)
    domain.inverse_differences(
        domain.node(z), std::span(state.inverse_differences).subspan(z * domain.size(), domain.size()));
}

}  // namespace

Setup Setup::of(const kzg::Srs& srs) {
  auto state = std::make_shared<State>();
  state->kind = Kind::kVerkle;
  state->digest = srs.verifier_key().digest();
  state->key = Key::of(srs.verifier_key());
  state->arities = {static_cast<std::uint32_t>(srs.size())};
  state->kzg = srs;
  // What is wider than any node is refused by config(), before it is used.
  if (srs.size() <= kMaxFanOut) {
    append_level(srs.basis(), *state);
    state->domain.emplace(srs.log_size());
    make_inverses(*state);
  }
  Setup out;
  out.state_ = std::move(state);
  return out;
}

Result<Setup> Setup::of(const pst::Srs& srs) {
  ASSAY_TRY(srs.require_level(0));
  auto state = std::make_shared<State>();
  state->kind = Kind::kTerkle;
  state->digest = srs.verifier_key().digest();
  state->key = Key::of(srs.verifier_key());
  state->arities.assign(srs.axes().sizes().begin(), srs.axes().sizes().end());
  state->pst = srs;
  if (srs.axes().volume() <= kMaxFanOut) {
    for (std::size_t level = 0; level < srs.axes().count(); ++level) append_level(srs.level(level), *state);
    make_factorials(*std::ranges::max_element(state->arities), *state);
  }
  Setup out;
  out.state_ = std::move(state);
  return out;
}

Result<Setup> Setup::read(const std::filesystem::path& path) {
  if (ASSAY_TRY(kzg::is_kzg_file(path))) return of(ASSAY_TRY(kzg::Srs::open(path)));
  return of(ASSAY_TRY(pst::Srs::open(path)));
}

Kind Setup::kind() const { return state_ ? state_->kind : Kind::kMerkle; }

const Digest& Setup::digest() const {
  static const Digest kNone{};
  return state_ ? state_->digest : kNone;
}

Key Setup::key() const { return state_ ? state_->key : Key::merkle(); }

std::uint64_t Setup::points() const { return state_ ? state_->bases.size() : 0; }

Result<Config> Setup::config(std::vector<std::uint32_t> arities, LeafKind leaf) const {
  if (arities.empty()) arities = state_ ? state_->arities : std::vector<std::uint32_t>{2};
  Config out{kind(), leaf, std::move(arities), digest()};
  ASSAY_TRY(out.check("tree"));
  if (state_ && out.arities != state_->arities)
    return Error{ErrorCode::kMismatch, "arities",
                 fmt::format("{} where the SRS is for nodes of {}", fmt::join(out.arities, ","),
                             fmt::join(state_->arities, ","))};
  return out;
}

const curve::FixedBases* Setup::State::table() const {
  std::call_once(made_, [&] { table_ = curve::FixedBases::make(bases, kTableBytes); });
  return table_ ? &*table_ : nullptr;
}

void Setup::State::sum(std::span<const curve::FixedBases::Sum> sums, std::span<G1Affine> out) const {
  if (const curve::FixedBases* const multiples = table()) {
    multiples->sum_vartime(sums, out);
    return;
  }
  for (std::size_t i = 0; i < sums.size(); ++i)
    out[i] = curve::msm_vartime(std::span(bases).subspan(sums[i].base, sums[i].scalars.size()),
                                IntegerView(sums[i].scalars));
}

namespace internal {
namespace {

std::vector<Scalar> to_scalars(std::span<const Fr> values) {
  std::vector<Scalar> out(values.size());
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = values[i].to_scalar();
  return out;
}

/// Along an axis of `nodes` nodes, of which z is taken: q(j) = d_j / (j - z) with d_j = r(j) - r(z), and q(z)
/// is the derivative of r at z, sum_j b_j d_j with b_j = (w_j / w_z) / (z - j), w_j = (-1)^(n-1-j) / (j!
/// (n-1-j)!).
Quotient terkle_quotient(const Setup::State& setup, std::size_t axis, std::span<const Fr> rows,
                         std::uint32_t z) {
  const std::uint32_t nodes = setup.arities[axis];
  const std::size_t inner = rows.size() / nodes;
  std::vector<Fr> quotient(rows.size());
  const Fr scale = setup.factorials[z] * setup.factorials[nodes - 1 - z];
  for (std::uint32_t j = 0; j < nodes; ++j) {
    if (j == z) continue;
    const Fr inverse = j > z ? setup.inverses[j - z] : -setup.inverses[z - j];  // 1 / (j - z)
    const Fr ratio = scale * setup.inverse_factorials[j] * setup.inverse_factorials[nodes - 1 - j];
    const Fr slope = ((j > z ? j - z : z - j) % 2 == 0 ? -ratio : ratio) * inverse;
    for (std::size_t k = 0; k < inner; ++k) {
      const Fr difference = rows[j * inner + k] - rows[z * inner + k];
      quotient[j * inner + k] = difference * inverse;
      quotient[z * inner + k] += difference * slope;
    }
  }
  return {setup.first_of_level[axis], to_scalars(quotient)};
}

}  // namespace

std::vector<Fr> verkle_quotient(const Setup::State& setup, std::span<const Fr> values, std::uint32_t child) {
  const RootDomain& domain = *setup.domain;
  std::vector<Fr> quotient(values.size());
  if (setup.inverse_differences.empty())
    domain.inverse_differences(domain.node(child), quotient);
  else
    std::ranges::copy(std::span(setup.inverse_differences).subspan(child * domain.size(), domain.size()),
                      quotient.begin());
  // The sum of x q(x) over all nodes is zero, for the quotient's degree is below that of X^(w-1).
  Fr others = Fr::zero();
  for (std::size_t c = 0; c < quotient.size(); ++c) {
    if (c == child) continue;
    quotient[c] *= values[c] - values[child];
    others += quotient[c] * domain.node(c);
  }
  quotient[child] = -(others * setup.inverse_nodes[child]);
  return quotient;
}

std::vector<Quotient> quotients_of(const Setup::State& setup, std::span<const Fr> values,
                                   std::span<const std::uint32_t> children) {
  std::vector<Quotient> out;
  if (setup.kind == Kind::kVerkle) {
    out.reserve(children.size());
    for (const std::uint32_t child : children)
      out.push_back({0, to_scalars(verkle_quotient(setup, values, child))});
    return out;
  }
  const std::vector<std::uint64_t> sizes(setup.arities.begin(), setup.arities.end());
  const Axes axes = Axes::from(sizes, "arities").value();
  std::vector<std::uint32_t> before;
  for (const std::uint32_t child : children) {
    const std::vector<std::uint32_t> point = axes.coordinates_of(child);
    const auto [differs, _] = std::ranges::mismatch(point, before);
    const auto shared = static_cast<std::size_t>(differs - point.begin());
    std::span<const Fr> rows = values;
    for (std::size_t axis = 0; axis < point.size(); ++axis) {
      if (axis >= shared) out.push_back(terkle_quotient(setup, axis, rows, point[axis]));
      const std::size_t inner = rows.size() / axes[axis];
      rows = rows.subspan(point[axis] * inner, inner);
    }
    before = point;
  }
  return out;
}

}  // namespace internal
}  // namespace assay::tree
