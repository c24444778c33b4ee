// The scheme `merkle`, the prover's side.
#include <fmt/format.h>

#include "assay/claim_schemes.h"
#include "assay/merkle.h"
#include "base/threads.h"
#include "base/try.h"
#include "claim/merkle_leaves.h"

namespace assay::claim {
namespace {

using internal::MerkleLeaves;

/// Leaf after leaf as it is hashed.
Bytes leaf_bytes(const MerkleLeaves& leaves, const IntegerView& values, std::uint64_t leaf) {
  return pack_values(values.subview(leaves.first(leaf), leaves.size(leaf)));
}

Result<merkle::Tree> tree_of(const MerkleLeaves& leaves, const IntegerView& values) {
  if (leaves.count() > merkle::kMaxTreeLeaves)
    return Error{ErrorCode::kTooLarge, "leaves",
                 fmt::format("{}, a tree has at most {}", leaves.count(), merkle::kMaxTreeLeaves)};
  std::vector<Digest> hashes(leaves.count());
  Progress progress("hash leaves", hashes.size());
  parallel_for(0, hashes.size(), 64, [&](std::size_t first, std::size_t last) {
    for (std::size_t leaf = first; leaf < last; ++leaf)
      hashes[leaf] = merkle::leaf_hash(leaf_bytes(leaves, values, leaf));
    progress.advance(last - first);
  });
  return merkle::Tree::from_leaf_hashes(MerkleLeaves::kArity, std::move(hashes));
}

/// The root, the leaves that are not opened as a whole, and the hashes beside all of them.
Result<Bytes> evidence_of(const encode::Layout& layout, const MerkleLeaves& leaves, const merkle::Tree& tree,
                          const IntegerView& values, const Query& query) {
  const std::vector<internal::OpenedValue> opened = internal::opened_values(layout, leaves, query);
  WireWriter writer;
  if (opened.empty()) return writer.take();
  writer.raw(tree.root());
  std::vector<std::uint64_t> indices;
  for (const internal::OpenedLeaf& each : internal::leaves_of(opened)) {
    indices.push_back(each.leaf);
    if (each.end - each.begin < leaves.size(each.leaf)) writer.raw(leaf_bytes(leaves, values, each.leaf));
    if (writer.bytes().size() > Proofs::kMaxBytes)
      return Error{ErrorCode::kTooLarge, "values", "more than a file of proofs holds: open fewer at once"};
  }
  const merkle::MultiProof proof = ASSAY_TRY(tree.prove_many(indices));
  for (const Digest& hash : proof.hashes) writer.raw(hash);
  return writer.take();
}

}  // namespace

Status MerkleCommitter::check_layout(const encode::Layout& layout) const {
  const std::uint64_t count = MerkleLeaves(layout).count();
  if (count <= merkle::kMaxTreeLeaves) return {};
  return Error{
      ErrorCode::kMismatch, "layout",
      fmt::format("its {} rows are more than the {} leaves that a tree has", count, merkle::kMaxTreeLeaves)};
}

Result<std::array<std::uint8_t, Commitment::kBytes>> MerkleCommitter::bind(const Header& header,
                                                                           const IntegerView& values) const {
  const MerkleLeaves leaves(header.layout);
  const merkle::Tree tree = ASSAY_TRY(tree_of(leaves, values));
  return merkle::sized_root(MerkleLeaves::kArity, leaves.count(), tree.root());
}

Status MerkleCommitter::check_query(const encode::Layout& /*layout*/, const Query& query) const {
  if (query.is_on_grid() || query.is_of_parts()) return {};
  return Error{ErrorCode::kUnsupported, "point",
               "a commitment of the scheme \"merkle\" is to values and has no points off the grid: open "
               "entries, or commit by the scheme \"tensor\""};
}

Result<std::vector<Answer>> MerkleCommitter::open(const Commitment& commitment, const IntegerView& values,
                                                  std::span<const Query> queries) const {
  const encode::Layout& layout = commitment.header.layout;
  const MerkleLeaves leaves(layout);
  const merkle::Tree tree = ASSAY_TRY(tree_of(leaves, values));
  std::vector<Answer> answers;
  for (const Query& query : queries)
    answers.push_back({Fr::zero(), ASSAY_TRY(evidence_of(layout, leaves, tree, values, query)), {}});
  return answers;
}

}  // namespace assay::claim
