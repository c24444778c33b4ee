// The scheme `merkle`, the verifier's side.
#include <fmt/format.h>

#include <algorithm>

#include "assay/claim_schemes.h"
#include "assay/merkle.h"
#include "claim/merkle_leaves.h"

namespace assay::claim {
namespace {

using internal::MerkleLeaves;
using internal::OpenedLeaf;
using internal::OpenedValue;

Verdict shape_rejected(std::string reason) { return Verdict::rejected("proof shape", std::move(reason)); }

/// Some of the values, packed as a leaf is.
Bytes packed(const IntegerView& values, std::span<const OpenedValue> which) {
  return values.visit([&](auto typed) {
    using T = typename decltype(typed)::value_type;
    std::vector<T> own;
    own.reserve(which.size());
    for (const OpenedValue& each : which) own.push_back(typed[each.number]);
    return pack_values(IntegerView(own));
  });
}

/// The evidence of one proof.
class LeafEvidence {
 public:
  LeafEvidence(const Commitment& commitment, const Proofs& proofs, std::size_t k)
      : commitment_(commitment),
        leaves_(commitment.header.layout),
        values_(proofs.values(k)),
        evidence_(proofs.evidence(k)),
        opened_(internal::opened_values(commitment.header.layout, leaves_, proofs.query(k))) {}

  Verdict check() {
    if (opened_.empty()) {
      // Padding of a model layout: the header says what it is, and values were held to that.
      if (evidence_.empty()) return Verdict::accepted();
      return shape_rejected(
          fmt::format("{} bytes of evidence for padding, which needs none", evidence_.size()));
    }
    WireReader reader(evidence_, "evidence");
    const Result<ByteSpan> root_bytes = reader.raw(32, "root");
    if (!root_bytes) return shape_rejected(root_bytes.error().to_string());
    Digest root;
    std::ranges::copy(*root_bytes, root.begin());
    std::vector<std::uint64_t> indices;
    std::vector<Digest> hashes;
    for (const OpenedLeaf& leaf : internal::leaves_of(opened_)) {
      indices.push_back(leaf.leaf);
      Verdict found = hash_leaf(reader, leaf, hashes.emplace_back());
      if (!found.ok()) return found;
    }
    if (reader.remaining() % 32 != 0)
      return shape_rejected(fmt::format("{} bytes of hashes, of 32 each", reader.remaining()));
    if (merkle::sized_root(MerkleLeaves::kArity, leaves_.count(), root) != commitment_.value)
      return Verdict::rejected("root",
                               fmt::format("a tree of {} leaves with the root {} is not the committed one",
                                           leaves_.count(), to_hex(root)));
    merkle::MultiProof proof;
    while (reader.remaining() > 0)
      std::ranges::copy(reader.raw(32, "hash").value(), proof.hashes.emplace_back().begin());
    return merkle::verify_many(root, MerkleLeaves::kArity, leaves_.count(), indices, hashes, proof);
  }

 private:
  /// Of a leaf that is opened as a whole from its values, else from the evidence, which must have them.
  Verdict hash_leaf(WireReader& reader, const OpenedLeaf& leaf, Digest& hash) const {
    const auto opened = std::span(opened_).subspan(leaf.begin, leaf.end - leaf.begin);
    const std::uint64_t size = leaves_.size(leaf.leaf);
    if (opened.size() == size) {
      hash = merkle::leaf_hash(packed(values_.view(), opened));
      return Verdict::accepted();
    }
    const Result<tensor::IntegerArray> shown = internal::read_leaf(reader, size);
    if (!shown) return shape_rejected(shown.error().to_string());
    for (const OpenedValue& each : opened)
      if (shown->view()[each.at.offset] != values_.view()[each.number])
        return Verdict::rejected("leaf",
                                 fmt::format("value {} of leaf {} is {} there", each.at.offset, leaf.leaf,
                                             shown->view()[each.at.offset].to_signed_decimal()));
    hash = merkle::leaf_hash(pack_values(shown->view()));
    return Verdict::accepted();
  }

  const Commitment& commitment_;
  MerkleLeaves leaves_;
  tensor::IntegerArray values_;
  ByteSpan evidence_;
  std::vector<OpenedValue> opened_;
};

Evidence check_claim(const Claimed& claim, std::size_t most) {
  Evidence found{Verdict::accepted(), {}};
  for (std::size_t k = 0; k < claim.proofs->size(); ++k) {
    const Query query = claim.proofs->query(k);
    if (!query.is_on_grid() && !query.is_of_parts())
      return {shape_rejected("a commitment to the leaves of a tree has no points off the grid").at_item(k),
              {}};
    Verdict verdict = LeafEvidence(*claim.commitment, *claim.proofs, k).check();
    if (verdict.ok()) continue;
    // Evidence without the form is told first, as it is for every scheme.
    if (verdict.step() != "leaf" && verdict.step() != "root") return {std::move(verdict.at_item(k)), {}};
    if (found.verdict.ok()) found.verdict = std::move(verdict);
    if (found.false_proofs.size() < most) found.false_proofs.push_back(k);
  }
  return found;
}

}  // namespace

std::string MerkleChecker::assumption(const TrustList& /*trusted*/) const {
  return "no setup: nobody can find two texts with one SHA-256";
}

// A valid header of this scheme names no setup, and a tree takes any layout.
Verdict MerkleChecker::check_setup(const Header& /*header*/) const { return Verdict::accepted(); }

std::vector<Evidence> MerkleChecker::check_all_evidence(std::span<const Claimed> claims, std::size_t most,
                                                        const World& /*world*/) const {
  std::vector<Evidence> found;
  for (const Claimed& claim : claims) found.push_back(check_claim(claim, most));
  return found;
}

}  // namespace assay::claim
