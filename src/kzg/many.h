// The challenges and the equation of a proof about many points, which prover and verifier share.
#pragma once

#include <span>

#include "assay/kzg.h"
#include "base/transcript.h"
#include "kzg/relation.h"

namespace assay::kzg::internal {

/// The transcript of a ManyProof: everything that is claimed, then r; D, then t. Elements of 254 bits: 512
/// bits of the transcript modulo r.
class ManyTranscript {
 public:
  ManyTranscript(const Digest& srs_digest, std::span<const Claim> claims);

  /// r: weighs the claims by its powers.
  [[nodiscard]] Fr weight() const { return weight_; }
  /// t, after the first half of the proof.
  [[nodiscard]] Fr point(const G1Affine& difference);

 private:
  Fr draw(std::string_view label);

  Transcript transcript_;
  Fr weight_;
};

/// E - D opens at t to sum_i r^i y_i / (t - z_i), E = sum_i r^i / (t - z_i) C_i. No z_i is t.
[[nodiscard]] Relation many_relation(std::span<const Claim> claims, const ManyProof& proof, const Fr& weight,
                                     const Fr& point);

/// r^i / (t - z_i). No z_i is t.
[[nodiscard]] std::vector<Fr> many_factors(std::span<const Claim> claims, const Fr& weight, const Fr& point);

}  // namespace assay::kzg::internal
