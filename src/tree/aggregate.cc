#include "tree/aggregate.h"

#include <mutex>

#include "base/threads.h"
#include "base/try.h"
#include "kzg/many.h"
#include "kzg/polynomial.h"
#include "tree/openings.h"

namespace assay::tree::internal {
namespace {

/// The commitment to the polynomial with these values at a node's points.
G1Affine commit(const Setup::State& setup, std::span<const Fr> values) {
  std::vector<Scalar> scalars(values.size());
  for (std::size_t c = 0; c < scalars.size(); ++c) scalars[c] = values[c].to_scalar();
  const curve::FixedBases::Sum sum{0, scalars};
  G1Affine out;
  setup.sum({&sum, 1}, {&out, 1});
  return out;
}

/// The sum over nodes of what `add` adds to it for each of them. On all threads.
template <class Add>
std::vector<Fr> sum_over(std::size_t nodes, std::size_t width, const Add& add) {
  std::vector<Fr> sum(width);
  std::mutex mutex;
  parallel_for(0, nodes, 16, [&](std::size_t first, std::size_t last) {
    std::vector<Fr> part(width);
    for (std::size_t k = first; k < last; ++k) add(k, std::span(part));
    const std::lock_guard lock(mutex);
    add_scaled(sum, Fr::one(), part);
  });
  return sum;
}

}  // namespace

Result<kzg::ManyProof> open_together(const Tree::State& tree, std::span<const std::uint64_t> indices,
                                     std::span<const Opened> way, std::span<const G1Affine> commitments,
                                     std::span<const std::vector<Fr>> values) {
  const Setup::State& setup = tree.nodes.setup();
  std::vector<Scalar> opened;
  std::vector<std::size_t> first_of;  // of each node's openings
  for (std::size_t k = 0; k < way.size(); ++k) {
    first_of.push_back(opened.size());
    for (const std::uint32_t child : way[k].children) opened.push_back(values[k][child].to_scalar());
  }
  // The last openings are those of the leaves, in the order of the indices.
  const Digest name =
      name_of_claims(tree.root.digest(), indices, std::span<const Scalar>(opened).last(indices.size()));
  const std::vector<kzg::Claim> claims = claims_of(tree.root.config, way, commitments, opened, name);
  kzg::internal::ManyTranscript transcript(setup.digest, claims);

  std::vector<Fr> powers(claims.size(), Fr::one());
  for (std::size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * transcript.weight();
  const std::size_t width = setup.domain->size();
  const std::vector<Fr> differences = sum_over(way.size(), width, [&](std::size_t k, std::span<Fr> part) {
    for (std::size_t i = 0; i < way[k].children.size(); ++i)
      add_scaled(part, powers[first_of[k] + i], verkle_quotient(setup, values[k], way[k].children[i]));
  });
  kzg::ManyProof out;
  out.difference = commit(setup, differences);

  const Fr point = transcript.point(out.difference);
  const std::vector<Fr> factors = kzg::internal::many_factors(claims, transcript.weight(), point);
  std::vector<Fr> rest = sum_over(way.size(), width, [&](std::size_t k, std::span<Fr> part) {
    Fr factor = Fr::zero();
    for (std::size_t i = 0; i < way[k].children.size(); ++i) factor += factors[first_of[k] + i];
    add_scaled(part, factor, values[k]);
  });
  for (std::size_t c = 0; c < width; ++c) rest[c] -= differences[c];
  out.quotient = commit(setup, ASSAY_TRY(kzg::internal::divide(*setup.domain, rest, point)).values);
  return out;
}

}  // namespace assay::tree::internal
