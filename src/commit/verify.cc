#include <fmt/format.h>

#include <algorithm>

#include "assay/commit.h"
#include "base/check.h"
#include "commit/random_weights.h"

namespace assay::pst {

/// e(commitment - rest - value G + sum_i z_i pi_i, [1]_2) = prod_i e(pi_i, [t_i]_2), over the axes that are
/// fixed: all of them and `rest` at infinity for an opening, some of them and `value` zero for a slice.
struct Verifier::Relation {
  const G1Affine* commitment;
  G1Affine rest;
  Fr value;
  std::vector<Fr> point;
  std::span<const G1Affine> quotients;
  std::size_t fixed_axes;  // that the statement must speak of

  static Relation of(const Statement& statement, const Axes& axes) {
    return {&statement.commitment, G1Affine::infinity(),        statement.opening.value,
            statement.point,       statement.opening.quotients, axes.count()};
  }
  static Relation of(const SliceStatement& statement) {
    Relation relation{&statement.commitment, statement.slice,        Fr::zero(), {},
                      statement.quotients,   statement.prefix.size()};
    for (const std::uint32_t coordinate : statement.prefix)
      relation.point.push_back(Fr::from_u64(coordinate));
    return relation;
  }
};

namespace {

Verdict shape_rejected(std::string reason) { return Verdict::rejected("proof shape", std::move(reason)); }

}  // namespace

Verifier::Verifier(VerifierKey key) : key_(std::move(key)) {
  ASSAY_CHECK_EQ(key_.secrets.size(), key_.axes.count());
  prepared_.reserve(key_.secrets.size() + 1);
  prepared_.emplace_back(curve::negate(G2Affine::generator()));
  for (const G2Affine& secret : key_.secrets) prepared_.emplace_back(secret);
}

Verdict Verifier::check_shape(const Relation& relation) const {
  if (relation.point.size() != relation.fixed_axes || relation.fixed_axes > key_.axes.count())
    return shape_rejected(
        fmt::format("{} coordinates for {} axes", relation.point.size(), key_.axes.count()));
  if (relation.quotients.size() != relation.fixed_axes)
    return shape_rejected(
        fmt::format("{} proof points for {} coordinates", relation.quotients.size(), relation.point.size()));
  for (std::size_t i = 0; i < relation.fixed_axes; ++i)
    if (key_.axes[i] == 1 && !relation.quotients[i].is_infinity())
      return shape_rejected(fmt::format("axis {} has one node, so its proof point must be infinity", i));

  std::vector<G1Affine> points{*relation.commitment, relation.rest};
  points.insert(points.end(), relation.quotients.begin(), relation.quotients.end());
  const std::size_t bad = curve::find_invalid_point(points);
  if (bad == points.size()) return Verdict::accepted();
  const std::string name = bad == 0   ? "the commitment"
                           : bad == 1 ? "the slice's commitment"
                                      : fmt::format("proof point {}", bad - 2);
  return Verdict::rejected("proof points", name + " is not on the curve");
}

bool Verifier::holds(std::span<const Relation> relations, std::span<const Scalar> weights) const {
  // One sum for [1]_2 and one for each [t_i]_2, of all relations by their weights.
  std::vector<G1Affine> points;
  std::vector<Fr> factors;
  std::vector<std::vector<G1Affine>> quotients(key_.axes.count());
  std::vector<std::vector<Scalar>> quotient_weights(key_.axes.count());
  Fr values = Fr::zero();
  const auto add = [&](const G1Affine& point, const Fr& factor) {
    points.push_back(point);
    factors.push_back(factor);
  };
  for (std::size_t k = 0; k < relations.size(); ++k) {
    const Relation& relation = relations[k];
    const Fr weight = Fr::from_scalar(weights[k]);
    add(*relation.commitment, weight);
    if (!relation.rest.is_infinity()) add(relation.rest, -weight);
    values += weight * relation.value;
    for (std::size_t i = 0; i < relation.fixed_axes; ++i) {
      add(relation.quotients[i], weight * relation.point[i]);
      quotients[i].push_back(relation.quotients[i]);
      quotient_weights[i].push_back(weights[k]);
    }
  }
  add(G1Affine::generator(), -values);

  std::vector<curve::PairingTerm> terms{{curve::msm_vartime(points, factors), &prepared_[0]}};
  for (std::size_t i = 0; i < quotients.size(); ++i)
    terms.push_back({curve::msm_vartime(quotients[i], IntegerView(quotient_weights[i])), &prepared_[i + 1]});
  return curve::final_exponentiation(curve::multi_miller_loop(terms)).is_one();
}

Verdict Verifier::check_relation(const Relation& relation) const {
  Verdict shape = check_shape(relation);
  if (!shape.ok()) return shape;
  const Scalar one = Scalar::from_u64(1);
  if (!holds({&relation, 1}, {&one, 1}))
    return Verdict::rejected("opening equation",
                             "the proof does not open the commitment to this at this point");
  return Verdict::accepted();
}

Verdict Verifier::check(const Statement& statement) const {
  return check_relation(Relation::of(statement, key_.axes));
}

Verdict Verifier::check_slice(const SliceStatement& statement) const {
  // Off the grid the polynomial has values too, but the tensor has no slice.
  for (std::size_t i = 0; i < std::min(statement.prefix.size(), key_.axes.count()); ++i)
    if (statement.prefix[i] >= key_.axes[i])
      return shape_rejected(
          fmt::format("coordinate {} is {}, not below {}", i, statement.prefix[i], key_.axes[i]));
  return check_relation(Relation::of(statement));
}

Verdict Verifier::check_all(std::span<const Statement> statements) const {
  if (statements.empty()) return Verdict::inconclusive("statements", "there are none to check");
  std::vector<Relation> relations;
  for (const Statement& statement : statements) relations.push_back(Relation::of(statement, key_.axes));
  for (std::size_t k = 0; k < relations.size(); ++k) {
    Verdict shape = check_shape(relations[k]);
    if (!shape.ok()) return shape.add_figure("statement", fmt::format("{}", k));
  }

  Result<internal::RandomWeights> source = internal::RandomWeights::create();
  if (!source) return Verdict::inconclusive("random weights", source.error().to_string());
  std::vector<Scalar> weights;
  for (std::size_t k = 0; k < relations.size(); ++k) weights.push_back(source->next());
  if (holds(relations, weights)) return Verdict::accepted();
  std::size_t bad = 0;
  Verdict alone = check_relation(relations[bad]);
  while (alone.ok()) {
    ++bad;
    ASSAY_CHECK_LT(bad, relations.size());  // a sum of relations that hold holds for all weights
    alone = check_relation(relations[bad]);
  }
  return alone.add_figure("statement", fmt::format("{}", bad));
}

}  // namespace assay::pst
