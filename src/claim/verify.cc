#include <fmt/format.h>

#include <algorithm>

#include "assay/claim.h"
#include "base/check.h"
#include "claim/repeated.h"
#include "claim/statement.h"

namespace assay::claim {
namespace {

using tensor::Encoding;
using tensor::Layout;

Verdict reject_proof(std::string step, std::string reason, std::size_t index) {
  return Verdict::rejected(std::move(step), std::move(reason))
      .add_figure("statement", fmt::format("{}", index));
}

/// The questions of verify() before the opening equation, one function a step.
class Questions {
 public:
  Questions(const Commitment& commitment, const Proofs& proofs, const pst::VerifierKey& key,
            const VerifyOptions& options)
      : header_(commitment.header),
        proofs_(proofs),
        key_(key),
        options_(options),
        digest_(commitment.digest()) {}

  [[nodiscard]] Verdict ask() {
    for (const auto step :
         {&Questions::any, &Questions::header, &Questions::srs, &Questions::axes, &Questions::named,
          &Questions::expected, &Questions::challenge, &Questions::shape, &Questions::values}) {
      Verdict verdict = (this->*step)();
      if (!verdict.ok()) return verdict;
    }
    return Verdict::accepted();
  }

  void describe(Verdict& verdict) const {
    verdict.add_note(describe_srs(key_, options_.trusted));
    if (!options_.expected_digest)
      verdict.add_note("commitment digest not compared with one agreed on before");
    if (options_.challenge == nullptr) verdict.add_note("points not from a challenge of the verifier");
    if (!header_.dtype)
      verdict.add_note(
          "the header names no dtype: opened values are held to the widest range of the encoding");
    const auto off_grid =
        std::ranges::count_if(proofs_.proofs, [](const Proof& p) { return !p.point.is_on_grid(); });
    if (off_grid > 0)
      verdict.add_note(
          fmt::format("{} of the points are off the grid, where no range bounds a value", off_grid));
    verdict.add_figure("proofs", fmt::format("{}", proofs_.proofs.size()));
    verdict.add_figure("padding positions", fmt::format("{}", padding_));
    verdict.add_figure("commitment digest", to_hex(digest_));
  }

 private:
  Verdict any() {
    if (proofs_.proofs.empty()) return Verdict::inconclusive("no proofs", "there is nothing to check");
    return Verdict::accepted();
  }

  Verdict header() {
    const Status status = header_.validate();
    if (!status) return Verdict::rejected("header", status.error().to_string());
    return Verdict::accepted();
  }

  Verdict srs() {
    const Digest digest = key_.digest();
    if (header_.srs_digest == digest) return Verdict::accepted();
    return Verdict::rejected("SRS digest",
                             fmt::format("the commitment is for the SRS {}, the verifier's is {}",
                                         to_hex(header_.srs_digest), to_hex(digest)));
  }

  Verdict axes() {
    const Axes& ours = header_.layout.axes;
    if (ours != key_.axes)
      return Verdict::rejected(
          "axes", fmt::format("the header has {}, the SRS {}", ours.to_string(), key_.axes.to_string()));
    if (proofs_.axis_count != ours.count())
      return Verdict::rejected("axes", fmt::format("the proofs are for {} axes, the header has {}",
                                                   proofs_.axis_count, ours.count()));
    return Verdict::accepted();
  }

  Verdict named() {
    if (proofs_.commitment_digest == digest_) return Verdict::accepted();
    return Verdict::rejected("commitment digest",
                             fmt::format("the proofs are for the commitment {}, this one is {}",
                                         to_hex(proofs_.commitment_digest), to_hex(digest_)));
  }

  Verdict expected() {
    if (!options_.expected_digest || *options_.expected_digest == digest_) return Verdict::accepted();
    return Verdict::rejected("expected digest",
                             fmt::format("agreed on was the commitment {}, this one is {}",
                                         to_hex(*options_.expected_digest), to_hex(digest_)));
  }

  Verdict challenge() {
    if (options_.challenge == nullptr) return Verdict::accepted();
    const Challenge& asked = *options_.challenge;
    if (asked.commitment_digest != digest_)
      return Verdict::rejected("challenge", fmt::format("it asks about the commitment {}, this one is {}",
                                                        to_hex(asked.commitment_digest), to_hex(digest_)));
    if (asked.points.size() != proofs_.proofs.size())
      return Verdict::rejected("challenge", fmt::format("it asks for {} points, there are proofs of {}",
                                                        asked.points.size(), proofs_.proofs.size()));
    for (std::size_t k = 0; k < asked.points.size(); ++k) {
      if (proofs_.proofs[k].point == Point::on_grid(asked.points[k])) continue;
      return reject_proof(
          "challenge",
          fmt::format("it asks for the point {} here", Point::on_grid(asked.points[k]).to_string()), k);
    }
    return Verdict::accepted();
  }

  Verdict shape() {
    for (std::size_t k = 0; k < proofs_.proofs.size(); ++k) {
      const std::string fault = internal::fault_of_point(proofs_.proofs[k].point, header_.layout.axes);
      if (!fault.empty()) return reject_proof("proof shape", fault, k);
    }
    if (const auto repeated = internal::find_repeated(proofs_.proofs))
      return reject_proof("proof shape", "the point stands twice: one opening would count as two", *repeated);
    return Verdict::accepted();
  }

  Verdict values() {
    const Result<tensor::Range> range = header_.value_range();
    ASSAY_CHECK(range.ok(), range.error().to_string());  // as the header is valid
    for (std::size_t k = 0; k < proofs_.proofs.size(); ++k) {
      const Proof& proof = proofs_.proofs[k];
      if (!proof.point.is_on_grid()) continue;
      const Scalar value = proof.opening.value.to_scalar();
      if (!range->contains(value))
        return reject_proof("value range",
                            fmt::format("{} lies outside {} to {}, the values of {}",
                                        value.to_signed_decimal(), range->smallest.to_signed_decimal(),
                                        range->largest.to_signed_decimal(), header_.encoding.to_string()),
                            k);
      if (is_not_a_number(value))
        return reject_proof(
            "value range",
            fmt::format("{} is the bit pattern of an infinity or of no number, which is never committed to",
                        value.to_signed_decimal()),
            k);
      const Result<Place> place = place_of(header_.layout, proof.point.grid);
      ASSAY_CHECK(place.ok(), place.error().to_string());  // as the point lies on the grid of a valid layout
      if (!place->is_padding) continue;
      ++padding_;
      if (header_.layout.kind == Layout::Kind::kModel && value != Scalar{})
        return reject_proof("padding",
                            fmt::format("a padding position opens to {}, the model layout pads with 0",
                                        value.to_signed_decimal()),
                            k);
    }
    return Verdict::accepted();
  }

  /// Inside the range of `bits`, infinities and NaN are holes.
  [[nodiscard]] bool is_not_a_number(const Scalar& value) const {
    return header_.dtype && header_.encoding.kind == Encoding::Kind::kBits &&
           !tensor::decode(header_.encoding, *header_.dtype, value).ok();
  }

  const Header& header_;
  const Proofs& proofs_;
  const pst::VerifierKey& key_;
  const VerifyOptions& options_;
  const Digest digest_;
  std::size_t padding_ = 0;
};

}  // namespace

std::string describe_srs(const pst::VerifierKey& key, const TrustList& trusted) {
  if (!trusted.contains(key.digest()))
    return "SRS unverified: it is not in the list of trusted ones; who knows its secrets can open to "
           "anything";
  switch (key.trust) {
    case pst::Trust::kDev:
      return "SRS trust = dev: whoever made it can open to anything";
    case pst::Trust::kCeremony:
      break;
  }
  return "SRS trust = ceremony: sound if one contributor at least forgot their secret";
}

Verdict verify(const Commitment& commitment, const Proofs& proofs, const pst::Verifier& verifier,
               const VerifyOptions& options) {
  Questions questions(commitment, proofs, verifier.key(), options);
  Verdict verdict = questions.ask();
  if (verdict.ok()) verdict = verifier.check_all(internal::statements_of(commitment.point, proofs.proofs));
  internal::name_point(verdict, proofs.proofs);
  questions.describe(verdict);
  return verdict;
}

}  // namespace assay::claim
