#include "kzg/statement_form.h"

#include <fmt/format.h>

#include <array>

#include "kzg/many.h"

namespace assay::kzg::internal {

Verdict form_of_opening(const Statement& statement, std::vector<Relation>& out) {
  const std::array<G1Affine, 2> points{statement.commitment, statement.opening.quotient};
  Verdict form = check_points(points);
  if (form.ok())
    out.push_back({statement.commitment, G1Affine::infinity(), statement.opening.value,
                   statement.opening.quotient, statement.point, 0});
  return form;
}

Verdict form_of_block(const VerifierKey& key, const Srs& srs, const BlockStatement& statement,
                      std::vector<Relation>& out) {
  const unsigned log_block = statement.log_block;
  if (log_block > key.log_size || statement.block >= key.size() >> log_block)
    return Verdict::rejected("proof shape", fmt::format("2^{} values have no block {} of 2^{}", key.log_size,
                                                        statement.block, log_block));
  const std::uint64_t size = std::uint64_t{1} << log_block;
  if (statement.values.size() != size)
    return Verdict::rejected("proof shape",
                             fmt::format("{} values, the block has {}", statement.values.size(), size));
  // The whole vector leaves no quotient.
  const bool whole = log_block == key.log_size;
  if (whole && !statement.quotient.is_infinity())
    return Verdict::rejected("proof shape", "the block is all of the vector, so its point must be infinity");
  const std::array<G1Affine, 2> points{statement.commitment, statement.quotient};
  Verdict form = check_points(points);
  if (form.ok()) form = check_points_of(srs, key, statement.block * size, size);
  if (!form.ok()) return form;
  const G1Affine block =
      curve::msm_vartime(srs.basis().subspan(statement.block * size, size), statement.values);
  // h^k of the block is the node of its number in the domain of as many nodes as there are blocks.
  const Fr shift = whole ? Fr::zero() : node_of(key.log_size - log_block, statement.block);
  out.push_back({statement.commitment, block, Fr::zero(), statement.quotient, shift, whole ? 0U : log_block});
  return form;
}

Verdict form_of_many(const VerifierKey& key, std::span<const Claim> claims, const ManyProof& proof,
                     std::vector<Relation>& out) {
  if (claims.empty()) return Verdict::inconclusive("statements", "there are none to check");
  std::vector<G1Affine> points{proof.difference, proof.quotient};
  for (const Claim& claim : claims)
    if (points.size() == 2 || claim.commitment != points.back()) points.push_back(claim.commitment);
  Verdict form = check_points(points);
  if (!form.ok()) return form;
  ManyTranscript transcript(key.digest(), claims);
  const Fr point = transcript.point(proof.difference);
  // Such a claim would have no factor, and nothing would be asked about it.
  for (const Claim& claim : claims)
    if (claim.point == point)
      return Verdict::rejected("challenges", "the challenge is one of the points asked about");
  out.push_back(many_relation(claims, proof, transcript.weight(), point));
  return form;
}

}  // namespace assay::kzg::internal
