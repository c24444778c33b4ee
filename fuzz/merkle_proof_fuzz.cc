// Decodes a proof of each kind: what is taken has one encoding, and what verifies against the root of an
// honest tree is the honest proof. Input: one byte of choice, one of arity, one of count, one of index, then
// a proof.
#include <algorithm>

#include "assay/merkle.h"
#include "base/check.h"

namespace {

using namespace assay;

template <class Proof, class Check>
void decode_and_check(ByteSpan bytes, const Check& check) {
  const Result<Proof> proof = Proof::from_bytes(bytes, "fuzz");
  if (!proof.ok()) return;
  ASSAY_CHECK(std::ranges::equal(proof->to_bytes(), bytes), to_hex(proof->to_bytes()));
  check(*proof);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  const std::uint32_t arity = 2 + data[1] % 15;
  const std::uint64_t count = 1 + data[2] % 40;
  const std::uint64_t index = data[3] % (count + 2);
  std::vector<Digest> leaves;
  for (std::uint64_t i = 0; i < count; ++i)
    leaves.push_back(merkle::leaf_hash(Bytes{static_cast<std::uint8_t>(i)}));
  const ByteSpan bytes(data + 4, size - 4);
  const Digest leaf = leaves[std::min(index, count - 1)];
  const merkle::Tree tree = merkle::Tree::from_leaf_hashes(arity, leaves).value();

  switch (data[0] % 3) {
    case 0:
      decode_and_check<merkle::InclusionProof>(bytes, [&](const merkle::InclusionProof& proof) {
        if (!merkle::verify_inclusion(tree.root(), arity, count, index, leaf, proof).ok()) return;
        ASSAY_CHECK(proof == tree.prove(index).value(), arity, count, index);
      });
      break;
    case 1:
      decode_and_check<merkle::MultiProof>(bytes, [&](const merkle::MultiProof& proof) {
        const std::vector<std::uint64_t> indices{index, index + 1 + data[0] % 5};
        const std::vector<Digest> two{leaf, leaves[std::min(indices[1], count - 1)]};
        if (!merkle::verify_many(tree.root(), arity, count, indices, two, proof).ok()) return;
        ASSAY_CHECK(proof == tree.prove_many(indices).value(), arity, count, indices[0], indices[1]);
      });
      break;
    default:
      decode_and_check<merkle::ConsistencyProof>(bytes, [&](const merkle::ConsistencyProof& proof) {
        const merkle::Tree after = merkle::Tree::from_leaf_hashes(2, leaves).value();
        leaves.resize(std::min(index, count));
        const merkle::Tree before = merkle::Tree::from_leaf_hashes(2, leaves).value();
        if (!merkle::verify_consistency(before.root(), index, after.root(), count, proof).ok()) return;
        ASSAY_CHECK(proof == after.prove_consistency(index).value(), count, index);
      });
  }
  return 0;
}
