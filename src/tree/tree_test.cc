// Trees against their definition; proofs of single leaves and of sets; changes against trees built anew.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "base/file.h"
#include "tree/test_support.h"

namespace assay::tree {
namespace {

using test::Sample;
using test::samples;
using test::SomeLeaves;

Tree built(const Sample& sample, LeafKind leaf, const SomeLeaves& leaves) {
  return Tree::build(sample.setup, sample.config(leaf), leaves.all()).value();
}

/// Sizes about the places where trees get nodes and levels.
std::vector<std::size_t> sizes_for(const Sample& sample) {
  const std::size_t width = sample.config(LeafKind::kU64).fan_out();
  std::vector<std::size_t> out{0, 1, 2, width - 1, width, width + 1, 2 * width, width * width};
  out.push_back(width * width + 1);
  if (sample.setup.kind() == Kind::kMerkle) out.insert(out.end(), {63, 64, 65, 128, 200});
  std::ranges::sort(out);
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

TEST(Tree, HasTheRootOfItsDefinition) {
  for (const Sample& sample : samples())
    for (const LeafKind leaf : test::leaf_kinds())
      for (const std::size_t count : sizes_for(sample)) {
        const SomeLeaves leaves(leaf, count);
        const Tree tree = built(sample, leaf, leaves);
        EXPECT_EQ(tree.root().count, count);
        EXPECT_EQ(tree.root().value, test::defined_root(sample, sample.config(leaf), leaves.all()))
            << sample.name << ", " << count << " leaves of " << to_string(leaf);
        EXPECT_TRUE(tree.check().ok());
      }
}

// More nodes than are summed up one by one, whole and not, over more than one part of the stream.
TEST(Tree, HasThatOfManyLeavesToo) {
  for (const unsigned log_width : {2U, 4U})
    for (const LeafKind leaf : {LeafKind::kU64, LeafKind::kI64}) {
      const Sample sample = test::verkle_sample(log_width);
      const SomeLeaves leaves(leaf, (std::size_t{300} << log_width) + 5);
      EXPECT_EQ(built(sample, leaf, leaves).root().value,
                test::defined_root(sample, sample.config(leaf), leaves.all()))
          << sample.name;
    }
}

TEST(Tree, NodesTooWideForATable) {
  const Sample sample = test::verkle_sample(10);
  const SomeLeaves leaves(LeafKind::kU64, 1500);
  const Tree tree = built(sample, LeafKind::kU64, leaves);
  EXPECT_EQ(tree.root().value, test::defined_root(sample, sample.config(LeafKind::kU64), leaves.all()));
  const std::vector<std::uint64_t> indices{3, 1499};
  const Proof proof = tree.prove(indices).value();
  EXPECT_TRUE(verify(tree.root(), indices, leaves.at(indices).all(), proof, sample.setup.key()).ok());
}

// As many as would be summed up together, were there a table.
TEST(Tree, ManyNodesTooWideForATable) {
  const ThreadLimitScope alone(1);  // not in parts of a few
  const Sample sample = test::verkle_sample(10);
  const Config config = sample.config(LeafKind::kU64);
  std::vector<std::uint64_t> leaves(std::size_t{128} << 10);
  leaves[3] = 5;
  leaves.back() = ~std::uint64_t{0};
  EXPECT_EQ(Tree::build(sample.setup, config, leaves).value().root().value,
            test::defined_root(sample, config, leaves));
}

void expect_accepted(const Sample& sample, const Tree& tree, const SomeLeaves& leaves,
                     const std::vector<std::uint64_t>& indices, bool aggregated) {
  const Proof proof = tree.prove(indices, aggregated).value();
  const Verdict verdict = verify(tree.root(), indices, leaves.at(indices).all(), proof, sample.setup.key());
  EXPECT_TRUE(verdict.ok()) << sample.name << ", " << leaves.size() << " leaves, from " << indices[0] << ", "
                            << indices.size() << ": " << verdict.step() << ": " << verdict.reason();
  EXPECT_EQ(Proof::decode(proof.encode(), "proof").value(), proof);
}

TEST(Tree, ProvesEveryLeaf) {
  for (const Sample& sample : samples())
    for (const LeafKind leaf : test::leaf_kinds())
      for (const std::size_t count : sizes_for(sample)) {
        const SomeLeaves leaves(leaf, count);
        const Tree tree = built(sample, leaf, leaves);
        const std::size_t step = leaf == LeafKind::kU64 ? std::max<std::size_t>(1, count / 20)
                                                        : std::max<std::size_t>(1, count / 3);
        for (std::uint64_t i = 0; i < count; i += step)
          for (const bool aggregated : {false, true})
            if (!aggregated || sample.setup.kind() == Kind::kVerkle)
              expect_accepted(sample, tree, leaves, {i}, aggregated);
      }
}

TEST(Tree, ProvesSets) {
  for (const Sample& sample : samples()) {
    const SomeLeaves leaves(LeafKind::kU64, 70);
    const Tree tree = built(sample, LeafKind::kU64, leaves);
    std::vector<std::uint64_t> all(70);
    std::iota(all.begin(), all.end(), 0U);
    for (const std::vector<std::uint64_t>& indices :
         {std::vector<std::uint64_t>{0, 1}, {0, 69}, {3, 4, 5, 6, 7}, {1, 17, 33, 34, 68}, all})
      for (const bool aggregated : {false, true})
        if (!aggregated || sample.setup.kind() == Kind::kVerkle)
          expect_accepted(sample, tree, leaves, indices, aggregated);
  }
}

TEST(Tree, MerkleProofsAreThoseOfTheRoomMerkle) {
  for (const std::uint32_t arity : {2U, 3U, 5U})
    for (const std::size_t count : {1U, 7U, 65U, 300U}) {
      const Sample sample = test::merkle_sample(arity);
      const SomeLeaves leaves(LeafKind::kBytes, count);
      const Tree tree = built(sample, LeafKind::kBytes, leaves);
      std::vector<Digest> hashes;
      leaves.all().visit([&](const auto& values) {
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(values[0])>, ByteSpan>)
          for (const ByteSpan value : values) hashes.push_back(merkle::leaf_hash(value));
      });
      const merkle::Tree model = merkle::Tree::from_leaf_hashes(arity, hashes).value();
      std::vector<std::uint64_t> indices;
      for (std::uint64_t i = 0; i < count; i += 1 + count / 4) indices.push_back(i);
      const merkle::MultiProof expected = model.prove_many(indices).value();
      Bytes body;
      for (const Digest& hash : expected.hashes) body.insert(body.end(), hash.begin(), hash.end());
      EXPECT_EQ(tree.prove(indices).value().body, body) << arity << ", " << count;
    }
}

// Bytes at 2^24 leaves are those at any count of the same depth.
TEST(Tree, ProofsAreAsShortAsTheFormulaSays) {
  struct Case {
    Sample sample;
    std::size_t count;
    std::size_t plain;
  };
  const std::vector<Case> cases{{test::verkle_sample(2), 64, 32 * 5},
                                {test::terkle_sample({2, 2}), 64, 32 * (2 * 3 + 2)},
                                {test::terkle_sample({2, 2, 2}), 512, 32 * (3 * 3 + 2)},
                                {test::merkle_sample(2), 64, 32 * 6}};
  for (const Case& each : cases) {
    const Tree tree = built(each.sample, LeafKind::kU64, SomeLeaves(LeafKind::kU64, each.count));
    const std::vector<std::uint64_t> index{5};
    EXPECT_EQ(tree.prove(index).value().body.size(), each.plain) << each.sample.name;
    EXPECT_LE(tree.prove(index).value().encode().size(), each.plain + 64);
    if (each.sample.setup.kind() == Kind::kVerkle) {
      EXPECT_EQ(tree.prove(index, true).value().body.size(), 32U * (3 + 1));
    }
  }
}

TEST(Tree, UpdatesAndAppendsGiveTheBytesOfARebuild) {
  for (const Sample& sample : samples())
    for (const LeafKind leaf : test::leaf_kinds())
      for (const std::size_t count : sizes_for(sample)) {
        if (leaf != LeafKind::kU64 && count > 20) continue;
        const std::string what = sample.name + ", " + std::to_string(count) + " leaves";
        SomeLeaves leaves(leaf, count);
        Tree tree = built(sample, leaf, leaves);
        if (count > 0) {
          std::vector<std::uint64_t> indices;
          for (std::uint64_t i = 0; i < count; i += 1 + count / 3) indices.push_back(i);
          const SomeLeaves others(leaf, indices.size(), 2);
          ASSERT_TRUE(tree.update(indices, others.all()).ok()) << what;
          leaves.put(indices, others);
          EXPECT_EQ(tree.root(), built(sample, leaf, leaves).root()) << what << " updated";
          EXPECT_TRUE(tree.check().ok());
          expect_accepted(sample, tree, leaves, {count - 1}, false);
        }
        // By one, by a few, and over the next level.
        const std::size_t width = sample.config(leaf).fan_out();
        std::size_t now = count;
        for (const std::size_t more : {std::size_t{1}, width, width * width}) {
          SomeLeaves longer(leaf, now + more);
          std::vector<std::uint64_t> known(now);
          std::iota(known.begin(), known.end(), 0U);
          longer.put(known, leaves);
          ASSERT_TRUE(tree.append(longer.all().subview(now, more)).ok()) << what;
          leaves = longer;
          now += more;
          EXPECT_EQ(tree.root(), built(sample, leaf, leaves).root()) << what << " and " << more << " more";
          EXPECT_TRUE(tree.check().ok());
          expect_accepted(sample, tree, leaves, {now - 1}, false);
          expect_accepted(sample, tree, leaves, {0}, false);
        }
      }
}

TEST(Tree, ATreeThatGrowsALevelKeepsItsDigests) {
  const Sample sample = test::verkle_sample(1);
  const SomeLeaves leaves(LeafKind::kU64, 5);
  const Tree small =
      Tree::build(sample.setup, sample.config(LeafKind::kU64), leaves.all().subview(0, 4)).value();
  const Tree large = built(sample, LeafKind::kU64, leaves);
  // The first commitment on the way to leaf 0 of the larger tree is the root of the smaller one.
  const Bytes body = large.prove(std::vector<std::uint64_t>{0}).value().body;
  EXPECT_TRUE(std::equal(small.root().value.begin(), small.root().value.end(), body.begin()));
}

// Also where all records are whole, so that none at the top is made again.
TEST(Tree, AnAppendOfNothingChangesNothing) {
  for (const Sample& sample : {test::merkle_sample(2), test::verkle_sample(2), test::terkle_sample({2, 2})})
    for (const std::size_t count : {0U, 5U, 64U}) {
      Tree tree = built(sample, LeafKind::kU64, SomeLeaves(LeafKind::kU64, count));
      const Root before = tree.root();
      ASSERT_TRUE(tree.append(std::vector<std::uint64_t>{}).ok()) << sample.name << ", " << count;
      EXPECT_EQ(tree.root(), before) << sample.name << ", " << count;
    }
}

TEST(Builder, TakesLeavesInAnyParts) {
  for (const Sample& sample : {test::merkle_sample(2), test::verkle_sample(2), test::terkle_sample({2, 3})}) {
    const SomeLeaves leaves(LeafKind::kField, 150);
    const Digest expected = built(sample, LeafKind::kField, leaves).root().value;
    for (const std::size_t part : {1U, 3U, 64U, 100U}) {
      Builder builder = Builder::create(sample.setup, sample.config(LeafKind::kField)).value();
      for (std::size_t first = 0; first < leaves.size(); first += part)
        ASSERT_TRUE(builder.add(leaves.all().subview(first, std::min(part, leaves.size() - first))).ok());
      EXPECT_EQ(std::move(builder).finish().value().root().value, expected) << sample.name << ", " << part;
    }
  }
}

TEST(Tree, RefusesBadInput) {
  const Sample sample = test::verkle_sample(2);
  const SomeLeaves leaves(LeafKind::kU64, 10);
  Tree tree = built(sample, LeafKind::kU64, leaves);
  const auto code_of = [&](const std::vector<std::uint64_t>& indices) {
    return tree.prove(indices).error().code;
  };
  EXPECT_EQ(code_of({}), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_of({10}), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_of({3, 3}), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_of({3, 2}), ErrorCode::kOutOfRange);
  const std::vector<std::uint64_t> index{1};
  EXPECT_EQ(tree.update(index, SomeLeaves(LeafKind::kI64, 1).all()).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(tree.update(index, leaves.all()).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(tree.append(SomeLeaves(LeafKind::kBytes, 1).all()).error().code, ErrorCode::kMismatch);
  const Tree other = built(test::terkle_sample({2, 2}), LeafKind::kU64, leaves);
  EXPECT_EQ(other.prove(index, true).error().code, ErrorCode::kMismatch);

  const std::vector<Scalar> too_large{Scalar{kScalarModulus}};
  EXPECT_EQ(Tree::build(sample.setup, sample.config(LeafKind::kField), too_large).error().code,
            ErrorCode::kOutOfRange);
  EXPECT_EQ(sample.setup.config({8}, LeafKind::kU64).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(sample.setup.config({3}, LeafKind::kU64).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(Setup::merkle().config({1}, LeafKind::kU64).error().code, ErrorCode::kOutOfRange);
  Config config = sample.config(LeafKind::kU64);
  config.srs_digest[0] ^= 1;
  EXPECT_EQ(Builder::create(sample.setup, config).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(tree.root(), built(sample, LeafKind::kU64, leaves).root());
}

TEST(Root, HasAKnownKindOfTreeAndLeaf) {
  const Bytes bytes =
      built(test::merkle_sample(2), LeafKind::kU64, SomeLeaves(LeafKind::kU64, 3)).root().encode();
  const Result<Root> read = Root::decode(bytes, "x");
  ASSERT_TRUE(read.ok());
  std::size_t at = 0;  // of the kind, the one byte by which two kinds differ
  Root other = *read;
  other.config.kind = Kind::kTerkle;
  while (other.encode()[at] == bytes[at]) ++at;
  const auto error_with = [&](std::size_t place, unsigned value) {
    Bytes changed = bytes;
    changed[place] = static_cast<std::uint8_t>(value);
    const Result<Root> result = Root::decode(changed, "x");
    return result.ok() ? std::string() : result.error().to_string();
  };
  for (const unsigned kind : {0U, 4U, 255U})
    EXPECT_THAT(error_with(at, kind), testing::HasSubstr(std::to_string(kind) + " is no kind of tree"));
  for (const unsigned leaf : {0U, 5U, 255U})
    EXPECT_THAT(error_with(at + 1, leaf), testing::HasSubstr(std::to_string(leaf) + " is no kind of leaf"));
}

TEST(Root, HasAtMostSoManyLeaves) {
  Root root{Config{Kind::kMerkle, LeafKind::kU64, {2}, {}}, kMaxLeaves, {}};
  EXPECT_EQ(Root::decode(root.encode(), "x").value(), root);
  ++root.count;
  const Result<Root> over = Root::decode(root.encode(), "x");
  ASSERT_FALSE(over.ok());
  EXPECT_EQ(over.error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(over.error().place, "x: leaves");
}

TEST(Kinds, HaveTheirNamesAndNoOthers) {
  for (const Kind kind : {Kind::kMerkle, Kind::kVerkle, Kind::kTerkle})
    EXPECT_EQ(parse_kind(to_string(kind), "x").value(), kind);
  for (const LeafKind leaf : test::leaf_kinds())
    EXPECT_EQ(parse_leaf_kind(to_string(leaf), "x").value(), leaf);
  EXPECT_EQ(parse_kind("Merkle", "x").error().to_string(), "x: 'Merkle' is none of merkle, verkle, terkle");
  EXPECT_EQ(parse_leaf_kind("", "x").error().to_string(), "x: '' is none of u64, i64, field, bytes");
}

TEST(Key, SaysWhatACheckRestsOn) {
  for (const Sample& sample : {test::verkle_sample(2), test::terkle_sample({2, 2})}) {
    const Key key = sample.setup.key();
    EXPECT_THAT(key.assumption(nullptr), testing::StartsWith("SRS unverified")) << sample.name;
    setup::TrustList trusted;
    ASSERT_TRUE(trusted.add(key.digest(), "our own").ok());
    EXPECT_THAT(key.assumption(&trusted), testing::HasSubstr("list as 'our own'")) << sample.name;
  }
  EXPECT_THAT(Key::merkle().assumption(nullptr), testing::StartsWith("no setup"));
}

TEST(Config, HasTheAritiesOfItsKind) {
  const auto reason_of = [](Kind kind, std::vector<std::uint32_t> arities) {
    const Config config{kind, LeafKind::kU64, std::move(arities), {}};
    const Status status = config.check("x");
    return status.ok() ? std::string() : status.error().reason;
  };
  EXPECT_EQ(reason_of(Kind::kMerkle, {}), "0 of them where a merkle tree has 1 to 1");
  EXPECT_EQ(reason_of(Kind::kMerkle, {2, 3}), "2 of them where a merkle tree has 1 to 1");
  EXPECT_EQ(reason_of(Kind::kVerkle, {2, 2}), "2 of them where a verkle tree has 1 to 1");
  EXPECT_EQ(reason_of(Kind::kTerkle, {}), "0 of them where a terkle tree has 1 to 16");
  EXPECT_EQ(reason_of(Kind::kTerkle, std::vector<std::uint32_t>(16, 2)), "");
  EXPECT_EQ(reason_of(Kind::kTerkle, std::vector<std::uint32_t>(17, 2)),
            "17 of them where a terkle tree has 1 to 16");
}

TEST(Config, OfAMerkleTreeHasNoSrs) {
  Config config{Kind::kMerkle, LeafKind::kU64, {merkle::kMaxArity}, {}};
  EXPECT_TRUE(config.check("x").ok());
  config.srs_digest[31] = 1;
  const Status status = config.check("x");
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kNonCanonical);
  EXPECT_EQ(status.error().place, "x: SRS digest");
  const Result<Root> read = Root::decode(Root{config, 1, {}}.encode(), "y");
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().place, "y: SRS digest");
}

TEST(Config, HasAtMostSoManyChildrenOfANode) {
  Config config{Kind::kTerkle, LeafKind::kU64, {256, 256}, {}};
  EXPECT_EQ(config.fan_out(), kMaxFanOut);
  EXPECT_TRUE(config.check("x").ok());
  config.arities = {256, 257};
  EXPECT_THAT(config.check("x").error().reason, testing::HasSubstr("over 65536 children"));
  EXPECT_THAT(Config({Kind::kVerkle, LeafKind::kU64, {1U << 17}, {}}).check("x").error().reason,
              testing::HasSubstr("over 65536 children"));
}

TEST(Proof, HasABodyOfWholeWords) {
  Bytes bytes = Proof{Proof::Form::kVerkle, Digest{}, Bytes(64)}.encode();
  ASSERT_TRUE(Proof::decode(bytes, "x").ok());
  bytes.pop_back();
  const Result<Proof> cut = Proof::decode(bytes, "x");
  ASSERT_FALSE(cut.ok());
  EXPECT_EQ(cut.error().code, ErrorCode::kMalformed);
  EXPECT_THAT(cut.error().reason, testing::HasSubstr("63 bytes are no multiple of 32"));
}

TEST(Proof, HasAtMostSoManyBytes) {
  const test::TestFolder folder;
  const std::filesystem::path path = folder / "x.proof";
  ASSERT_TRUE(write_file(path, ByteSpan()).ok());
  for (const std::uint64_t more : {0U, 1U}) {
    std::filesystem::resize_file(path, Proof::kMaxBytes + more);  // a hole, that takes no room
    const MappedFile file = MappedFile::open(path).value();
    const Result<Proof> proof = Proof::decode(file.bytes(), "x");
    ASSERT_FALSE(proof.ok());
    EXPECT_EQ(proof.error().code, more == 0 ? ErrorCode::kMalformed : ErrorCode::kTooLarge)
        << proof.error().reason;
  }
}

TEST(Setup, HasThePointsOfNodesAsWideAsAnyMayBe) {
  EXPECT_EQ(Setup::of(test::kzg_srs(16)).points(), kMaxFanOut);
  EXPECT_EQ(Setup::of(test::pst_srs({256, 256})).value().points(), kMaxFanOut + 256);
}

}  // namespace
}  // namespace assay::tree
