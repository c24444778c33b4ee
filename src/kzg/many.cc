// Openings of any vectors at any points by two points of G1 (the second scheme of Boneh, Drake, Fisch and
// Gabizon, "Efficient polynomial commitment schemes for multiple points and polynomials", 2020, with the
// quotients' denominators cleared at the challenge).
#include "kzg/many.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/threads.h"
#include "base/try.h"
#include "kzg/polynomial.h"

namespace assay::kzg {
namespace internal {

ManyTranscript::ManyTranscript(const Digest& srs_digest, std::span<const Claim> claims)
    : transcript_("assay/kzg/many/v1") {
  transcript_.absorb("srs", srs_digest);
  transcript_.absorb_u64("claims", claims.size());
  for (const Claim& claim : claims) {
    transcript_.absorb("name", claim.name);
    transcript_.absorb("commitment", curve::encode(claim.commitment));
    transcript_.absorb("point", claim.point.to_scalar().to_bytes());
    transcript_.absorb("value", claim.value.to_scalar().to_bytes());
  }
  weight_ = draw("r");
}

Fr ManyTranscript::point(const G1Affine& difference) {
  transcript_.absorb("difference", curve::encode(difference));
  return draw("t");
}

Fr ManyTranscript::draw(std::string_view label) {
  std::array<std::uint8_t, 64> bytes;
  transcript_.draw(label, bytes);
  return Fr::from_bytes_reduced(bytes);
}

std::vector<Fr> many_factors(std::span<const Claim> claims, const Fr& weight, const Fr& point) {
  std::vector<Fr> factors;
  factors.reserve(claims.size());
  for (const Claim& claim : claims) factors.push_back(point - claim.point);
  batch_inverse(factors);
  Fr power = Fr::one();
  for (Fr& factor : factors) {
    factor *= power;
    power *= weight;
  }
  return factors;
}

Relation many_relation(std::span<const Claim> claims, const ManyProof& proof, const Fr& weight,
                       const Fr& point) {
  const std::vector<Fr> factors = many_factors(claims, weight, point);
  // About one commitment there are many claims, one behind the other.
  std::vector<G1Affine> commitments;
  std::vector<Fr> shares;
  Fr value = Fr::zero();
  for (std::size_t i = 0; i < claims.size(); ++i) {
    if (i == 0 || claims[i].commitment != claims[i - 1].commitment) {
      commitments.push_back(claims[i].commitment);
      shares.push_back(Fr::zero());
    }
    shares.back() += factors[i];
    value += factors[i] * claims[i].value;
  }
  return {curve::msm_vartime(commitments, shares), proof.difference, value, proof.quotient, point, 0};
}

}  // namespace internal

namespace {

constexpr std::size_t kGrain = 2048;

/// out[i] += factor * in[i], on all threads.
void add_scaled_by_all(std::span<Fr> out, const Fr& factor, std::span<const Fr> in) {
  parallel_for(0, out.size(), kGrain, [&](std::size_t first, std::size_t last) {
    add_scaled(out.subspan(first, last - first), factor, in.subspan(first, last - first));
  });
}

/// A copy. Errors: kTooLarge.
Result<std::vector<Fr>> copy_of(std::span<const Fr> elements) {
  std::vector<Fr> out = ASSAY_TRY(internal::allocate(elements.size()));
  std::copy(elements.begin(), elements.end(), out.begin());
  return out;
}

/// Questions about one vector whose points are nodes, from this number on, are answered together.
constexpr std::size_t kMany = 5;

class ManyProver {
 public:
  ManyProver(const Srs& srs, std::span<const Vector> vectors, std::span<const Question> questions)
      : srs_(srs), given_(vectors), questions_(questions), domain_(srs.log_size()) {}

  Result<ManyOpening> prove() {
    for (const Vector& vector : given_)
      vectors_.push_back(ASSAY_TRY(internal::on_domain(domain_, vector.values)));
    std::vector<Claim> claims;
    for (const Question& question : questions_) {
      places_.push_back(domain_.place_of(question.point));
      const Vector& vector = given_[question.vector];
      claims.push_back({vector.name, vector.commitment, question.point, ASSAY_TRY(answer(question))});
    }
    internal::ManyTranscript transcript(srs_.verifier_key().digest(), claims);
    difference_ = ASSAY_TRY(internal::allocate(domain_.size()));
    ASSAY_TRY(sum_differences(transcript.weight()));
    ManyOpening out;
    for (const Claim& claim : claims) out.values.push_back(claim.value);
    out.proof.difference = curve::msm_vartime(srs_.basis(), difference_);

    const Fr point = transcript.point(out.proof.difference);
    const std::vector<Fr> factors = internal::many_factors(claims, transcript.weight(), point);
    // E - D, in place of D.
    parallel_for(0, difference_.size(), kGrain, [&](std::size_t first, std::size_t last) {
      for (Fr& each : std::span(difference_).subspan(first, last - first)) each = -each;
    });
    std::vector<Fr> of_vector(vectors_.size());
    for (std::size_t i = 0; i < questions_.size(); ++i) of_vector[questions_[i].vector] += factors[i];
    for (std::size_t v = 0; v < vectors_.size(); ++v)
      add_scaled_by_all(difference_, of_vector[v], vectors_[v]);
    const internal::Quotient quotient = ASSAY_TRY(internal::divide(domain_, difference_, point));
    out.proof.quotient = curve::msm_vartime(srs_.basis(), quotient.values);
    return out;
  }

 private:
  Result<Fr> answer(const Question& question) const {
    const std::vector<Fr>& values = vectors_[question.vector];
    if (places_.back()) return values[*places_.back()];
    return ASSAY_TRY(internal::divide(domain_, values, question.point)).value;
  }

  /// difference_ = sum_i r^i (f_i - y_i) / (X - z_i) at the nodes.
  Status sum_differences(const Fr& weight) {
    std::vector<std::vector<std::pair<std::size_t, Fr>>> at_nodes(vectors_.size());
    std::vector<std::size_t> counts(vectors_.size());
    for (std::size_t i = 0; i < questions_.size(); ++i) counts[questions_[i].vector] += places_[i] ? 1 : 0;
    Fr power = Fr::one();
    for (std::size_t i = 0; i < questions_.size(); ++i, power *= weight) {
      const std::size_t vector = questions_[i].vector;
      if (places_[i] && counts[vector] >= kMany) {
        at_nodes[vector].emplace_back(*places_[i], power);
        continue;
      }
      const internal::Quotient quotient =
          ASSAY_TRY(internal::divide(domain_, vectors_[vector], questions_[i].point));
      add_scaled_by_all(difference_, power, quotient.values);
    }
    std::vector<Fr> products;  // a f, of all vectors
    for (std::size_t v = 0; v < vectors_.size(); ++v)
      if (!at_nodes[v].empty()) ASSAY_TRY(add_at_nodes(vectors_[v], at_nodes[v], products));
    if (products.empty()) return {};
    domain_.differentiate(products);
    add_scaled_by_all(difference_, -Fr::one(), products);
    return {};
  }

  /// For points z_i that are nodes of weights r^i, with a the vector that has r^i / z_i at their places and
  /// t(u) for that of x u'(x): sum_i r^i (f - f(z_i)) / (x - z_i) = f t(a) + a t(f) - t(a f) at all nodes,
  /// the z_i among them. Adds the first two, and a f to `products`.
  Status add_at_nodes(std::span<const Fr> values, std::span<const std::pair<std::size_t, Fr>> weights,
                      std::vector<Fr>& products) {
    if (products.empty()) products = ASSAY_TRY(internal::allocate(domain_.size()));
    std::vector<Fr> a = ASSAY_TRY(internal::allocate(domain_.size()));
    std::vector<Fr> derivative = ASSAY_TRY(copy_of(values));
    domain_.differentiate(derivative);
    for (const auto& [place, weight] : weights) {
      const Fr share = weight * domain_.node(place).inverse();
      a[place] += share;
      products[place] += share * values[place];
      difference_[place] += share * derivative[place];
    }
    domain_.differentiate(a);
    internal::multiply(a, values);
    add_scaled_by_all(difference_, Fr::one(), a);
    return {};
  }

  const Srs& srs_;
  std::span<const Vector> given_;
  std::span<const Question> questions_;
  RootDomain domain_;
  std::vector<std::vector<Fr>> vectors_;
  std::vector<std::optional<std::size_t>> places_;  // of the questions' points
  std::vector<Fr> difference_;
};

}  // namespace

std::array<std::uint8_t, 64> ManyProof::encode() const {
  std::array<std::uint8_t, 64> out;
  const auto first = curve::encode(difference), second = curve::encode(quotient);
  std::copy(second.begin(), second.end(), std::copy(first.begin(), first.end(), out.begin()));
  return out;
}

Result<ManyProof> ManyProof::decode(ByteSpan bytes64, std::string_view place) {
  if (bytes64.size() != 64)
    return Error{ErrorCode::kMalformed, std::string(place), fmt::format("{} bytes, not 64", bytes64.size())};
  ManyProof out;
  out.difference = ASSAY_TRY(curve::decode_g1(bytes64.first(32), fmt::format("{}: point 0", place)));
  out.quotient = ASSAY_TRY(curve::decode_g1(bytes64.last(32), fmt::format("{}: point 1", place)));
  return out;
}

Result<ManyOpening> open_many(const Srs& srs, std::span<const Vector> vectors,
                              std::span<const Question> questions) {
  if (questions.empty()) return Error{ErrorCode::kMismatch, "questions", "there are none"};
  for (std::size_t i = 0; i < questions.size(); ++i)
    if (questions[i].vector >= vectors.size())
      return Error{ErrorCode::kOutOfRange, fmt::format("question {}", i),
                   fmt::format("vector {} of {}", questions[i].vector, vectors.size())};
  return ManyProver(srs, vectors, questions).prove();
}

}  // namespace assay::kzg
