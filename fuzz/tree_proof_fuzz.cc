// Decodes a proof: what is taken has one encoding, and what verifies against an honest tree is the honest
// proof. Input: one byte that chooses the tree, one for the index, then a proof; where the next byte is 0xff,
// the body of one behind it, said to be of that tree.
#include <algorithm>
#include <array>

#include "assay/tree_prover.h"
#include "base/check.h"

namespace {

using namespace assay;

constexpr std::uint64_t kCount = 11;

struct Honest {
  tree::Setup setup;
  tree::Tree tree;
};

std::vector<std::uint64_t> leaves() {
  std::vector<std::uint64_t> out(kCount);
  for (std::uint64_t i = 0; i < kCount; ++i) out[i] = i * i + 1;
  return out;
}

Honest honest(const tree::Setup& setup) {
  const tree::Config config = setup.config({}, tree::LeafKind::kU64).value();
  return {setup, tree::Tree::build(setup, config, leaves()).value()};
}

const std::array<Honest, 3>& trees() {
  static const std::array<Honest, 3> all{
      honest(tree::Setup::merkle()), honest(tree::Setup::of(kzg::Srs::dev(1, 3).value())),
      honest(tree::Setup::of(pst::Srs::dev(Axes::parse("2,2", "axes").value(), 4).value()).value())};
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const Honest& tree = trees()[data[0] % 3];
  const std::vector<std::uint64_t> indices{data[1] % (kCount + 2)};
  const std::vector<std::uint64_t> values{leaves()[std::min(indices[0], kCount - 1)]};
  tree::Proof proof;
  if (data[2] == 0xff) {
    proof.form = static_cast<tree::Proof::Form>(1 + data[0] / 3 % 4);
    proof.tree = tree.tree.root().digest();
    proof.body.assign(data + 3, data + 3 + (size - 3) / 32 * 32);
  } else {
    const ByteSpan bytes(data + 2, size - 2);
    const Result<tree::Proof> decoded = tree::Proof::decode(bytes, "fuzz");
    if (!decoded.ok()) return 0;
    ASSAY_CHECK(std::ranges::equal(decoded->encode(), bytes), to_hex(decoded->encode()));
    proof = *decoded;
  }
  const Verdict verdict = tree::verify(tree.tree.root(), indices, values, proof, tree.setup.key());
  if (!verdict.ok()) return 0;
  const bool aggregated = proof.form == tree::Proof::Form::kAggregated;
  ASSAY_CHECK(proof == tree.tree.prove(indices, aggregated).value(), indices[0]);
  return 0;
}
