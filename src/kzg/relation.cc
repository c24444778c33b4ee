#include "kzg/relation.h"

#include <fmt/format.h>

#include "base/check.h"

namespace assay::kzg::internal {

Verdict check_points(std::span<const G1Affine> points) {
  const std::size_t bad = curve::find_invalid_point(points);
  if (bad == points.size()) return Verdict::accepted();
  return Verdict::rejected("proof points", fmt::format("point {} is not on the curve", bad));
}

RelationSum& RelationSum::operator+=(const RelationSum& other) {
  left_ = curve::add(left_, other.left_);
  for (std::size_t j = 0; j < quotients_.size(); ++j)
    quotients_[j] = curve::add(quotients_[j], other.quotients_[j]);
  return *this;
}

RelationSum& RelationSum::operator-=(const RelationSum& other) {
  left_ = curve::add(left_, curve::negate(other.left_));
  for (std::size_t j = 0; j < quotients_.size(); ++j)
    quotients_[j] = curve::add(quotients_[j], curve::negate(other.quotients_[j]));
  return *this;
}

bool RelationSum::holds(std::span<const curve::PreparedG2> prepared) const {
  ASSAY_CHECK_EQ(prepared.size(), quotients_.size() + 1);
  std::vector<curve::PairingTerm> terms{{left_, &prepared[0]}};
  for (std::size_t j = 0; j < quotients_.size(); ++j)
    if (!quotients_[j].is_infinity()) terms.push_back({quotients_[j], &prepared[1 + j]});
  return curve::final_exponentiation(curve::multi_miller_loop(terms)).is_one();
}

void Relations::add(std::span<const Relation> relations, std::span<const Scalar> weights) {
  ASSAY_CHECK_EQ(relations.size(), weights.size());
  ASSAY_CHECK_GT(relations.size(), 0U);
  relations_.insert(relations_.end(), relations.begin(), relations.end());
  weights_.insert(weights_.end(), weights.begin(), weights.end());
  ends_.push_back(relations_.size());
}

RelationSum Relations::sum(std::size_t first, std::size_t last) const {
  struct Terms {
    std::vector<G1Affine> points;
    std::vector<Scalar> factors;
  };
  std::vector<G1Affine> points;
  std::vector<Fr> factors;
  std::vector<Terms> quotients(log_size_);
  Fr values = Fr::zero();
  const auto put = [&](const G1Affine& point, const Fr& factor) {
    if (point.is_infinity()) return;
    points.push_back(point);
    factors.push_back(factor);
  };
  // Of one commitment there are many statements, one behind the other.
  Fr of_commitment = Fr::zero();
  for (std::size_t i = ends_[first]; i < ends_[last]; ++i) {
    const Relation& relation = relations_[i];
    ASSAY_CHECK_LT(relation.power, log_size_);
    const Fr weight = Fr::from_scalar(weights_[i]);
    of_commitment += weight;
    if (i + 1 == ends_[last] || relations_[i + 1].commitment != relation.commitment) {
      put(relation.commitment, of_commitment);
      of_commitment = Fr::zero();
    }
    put(relation.rest, -weight);
    put(relation.quotient, weight * relation.shift);
    values += weight * relation.value;
    quotients[relation.power].points.push_back(relation.quotient);
    quotients[relation.power].factors.push_back(weights_[i]);
  }
  put(G1Affine::generator(), -values);
  RelationSum out(log_size_);
  out.left_ = curve::msm_vartime(points, factors);
  for (unsigned j = 0; j < log_size_; ++j)
    if (!quotients[j].points.empty())
      out.quotients_[j] = curve::msm_vartime(quotients[j].points, IntegerView(quotients[j].factors));
  return out;
}

bool holds(const Relation& relation, std::span<const curve::PreparedG2> prepared) {
  const Scalar one = Scalar::from_u64(1);
  Relations alone(static_cast<unsigned>(prepared.size() - 1));
  alone.add({&relation, 1}, {&one, 1});
  return alone.sum(0, 1).holds(prepared);
}

}  // namespace assay::kzg::internal
