#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "assay/merkle.h"
#include "base/wire.h"
#include "merkle/sample.h"
#include "merkle/shape.h"

namespace assay::merkle {
namespace {

TEST(Hashes, HaveTheirTags) {
  const Digest a{1};
  const Digest b{2};
  EXPECT_EQ(leaf_hash(Bytes{5}), sha256(Bytes{0, 5}));
  EXPECT_EQ(node_hash(std::array{a, b}), sha256(WireWriter().u8(1).raw(a).raw(b).take()));
  EXPECT_EQ(sized_root(4, 9, a), sha256(WireWriter().u8(2).u64(4).u64(9).raw(a).take()));
  EXPECT_NE(sized_root(4, 9, a), sized_root(9, 4, a));
  WireWriter widest;
  widest.u8(1);
  const std::vector<Digest> children = sample_leaves(kMaxArity);
  for (const Digest& child : children) widest.raw(child);
  EXPECT_EQ(node_hash(children), sha256(widest.take()));
}

TEST(HashesDeathTest, ANodeHasTwoChildrenAtLeast) {
  EXPECT_DEATH(static_cast<void>(node_hash(sample_leaves(1))), "check failed");
  EXPECT_DEATH(static_cast<void>(node_hash(sample_leaves(kMaxArity + 1))), "check failed");
}

TEST(Tree, RootIsThatOfTheDefinition) {
  for (const std::uint32_t arity : {2, 3, 4, 5, 8, 16, 256}) {
    for (std::size_t count = 1; count <= 70; ++count) {
      EXPECT_EQ(sample_tree(arity, count).root(), defined_root(arity, sample_leaves(count)))
          << arity << " " << count;
    }
  }
  EXPECT_EQ(sample_tree(256, 1000).root(), defined_root(256, sample_leaves(1000)));
  EXPECT_EQ(sample_tree(2, 5000).root(), defined_root(2, sample_leaves(5000)));  // several ranges of work
}

/// Large trees are hashed part by part: 32 hashes times a power of the arity, up to 8192; of nodes wider than
/// 2048 as many as have 65,536 children together.
std::size_t part_size(std::uint32_t arity) {
  if (arity > 2048) return 65536 / arity * arity;
  std::size_t part = std::size_t{32} * arity;
  while (part * arity <= 8192) part *= arity;
  return part;
}

TEST(Tree, RootIsThatOfTheDefinitionAboutTheBordersOfParts) {
  const std::vector<Digest> leaves = sample_leaves(std::size_t{3} * 65536 + 70);
  for (const std::uint32_t arity : {2u, 3u, 16u, 255u, 256u, 2048u, 2049u, 65535u, 65536u}) {
    const std::size_t part = part_size(arity);
    for (const std::size_t count : {part - 1, part, part + 1, part + 2, 2 * part - 1, 2 * part + arity,
                                    3 * part, 3 * part + 1, 3 * part + 69}) {
      if (count > leaves.size()) continue;
      const auto some = std::span(leaves).first(count);
      for (const unsigned threads : {1u, 3u}) {
        const ThreadLimitScope scope(threads);
        EXPECT_EQ(Tree::from_leaf_hashes(arity, {some.begin(), some.end()}).value().root(),
                  defined_root(arity, some))
            << arity << " " << count << " " << threads;
      }
    }
  }
}

TEST(Levels, AreTheTreeWhereverTheyLie) {
  Bytes values(8 * 9000 + 3);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::uint8_t>(i * i >> 3);
  for (const std::uint32_t arity : {2u, 100u, 65536u}) {
    for (const std::size_t bytes : {std::size_t{0}, std::size_t{8}, std::size_t{9}, values.size()}) {
      const ByteSpan some = ByteSpan(values).first(bytes);
      const Tree tree = Tree::from_chunks(arity, some, 8).value();
      const std::vector<std::uint64_t> sizes = level_sizes(arity, tree.leaf_count());
      std::vector<std::vector<Digest>> held;
      for (const std::uint64_t size : sizes) held.emplace_back(size);
      std::vector<std::span<Digest>> levels(held.begin(), held.end());
      ASSERT_TRUE(hash_chunks_into(arity, some, 8, levels).ok());
      EXPECT_TRUE(std::ranges::equal(held.front(), tree.leaf_hashes()));
      if (bytes > 0) {
        EXPECT_EQ(held.back().front(), tree.root());
      }
      for (std::size_t level = 1; level < held.size(); ++level) held[level].assign(sizes[level], Digest{});
      ASSERT_TRUE(hash_levels_above(arity, levels).ok());
      if (bytes > 0) {
        EXPECT_EQ(held.back().front(), tree.root());
      }
    }
  }
}

TEST(Levels, OfOtherSizesAreRefused) {
  EXPECT_EQ(level_sizes(3, 10), (std::vector<std::uint64_t>{10, 4, 2, 1}));
  EXPECT_EQ(level_sizes(2, 1), std::vector<std::uint64_t>{1});
  EXPECT_EQ(level_sizes(2, 0), std::vector<std::uint64_t>{0});
  std::vector<Digest> four(4), two(2), one(1);
  const std::vector<std::span<Digest>> levels{four, two, one};
  const Bytes values(12);
  EXPECT_TRUE(hash_chunks_into(2, values, 3, levels).ok());
  EXPECT_EQ(hash_chunks_into(2, values, 2, levels).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(hash_chunks_into(4, values, 3, levels).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(hash_chunks_into(2, values, 0, levels).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(hash_chunks_into(1, values, 3, levels).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(hash_levels_above(2, std::span(levels).first(2)).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(hash_levels_above(2, {}).error().code, ErrorCode::kMismatch);
}

TEST(RootBuilder, TakesManyLeavesAtATime) {
  // More than are held at a time, about the borders of what is hashed together, from any place on.
  const std::vector<Digest> leaves = sample_leaves((std::size_t{1} << 18) + 70'000);
  for (const std::uint32_t arity : {2u, 3u, 64u, 65536u}) {
    const std::size_t part = part_size(arity);
    for (const std::size_t first : {std::size_t{0}, std::size_t{1}, part}) {
      for (const std::size_t more : {std::size_t{1}, part - 1, part, part + 1, leaves.size() - first}) {
        const std::size_t count = std::min(first + more, leaves.size());
        RootBuilder builder = RootBuilder::create(arity).value();
        const ThreadLimitScope scope(3);
        builder.add_leaf_hashes(std::span(leaves).first(first));
        builder.add_leaf_hashes(std::span(leaves).subspan(first, count - first));
        EXPECT_EQ(builder.leaf_count(), count);
        EXPECT_EQ(builder.root(), defined_root(arity, std::span(leaves).first(count)))
            << arity << " " << first << " " << more;
      }
    }
  }
}

TEST(RootBuilder, CutsValuesAsATreeDoes) {
  Bytes values(600'001);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::uint8_t>(i * i >> 3);
  for (const std::size_t size : {std::size_t{1}, std::size_t{8}, std::size_t{1000}, values.size() + 1}) {
    RootBuilder builder = RootBuilder::create(2).value();
    EXPECT_TRUE(builder.add_chunks({}, size).ok());
    ASSERT_TRUE(builder.add_chunks(values, size).ok());
    const Tree tree = Tree::from_chunks(2, values, size).value();
    EXPECT_EQ(builder.leaf_count(), tree.leaf_count());
    EXPECT_EQ(builder.root(), tree.root()) << size;
  }
  RootBuilder builder = RootBuilder::create(2).value();
  EXPECT_EQ(builder.add_chunks(values, 0).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(builder.leaf_count(), 0u);
}

TEST(RootBuilder, RefusesMoreLeavesThanAreCounted) {
  RootBuilder builder = RootBuilder::create(2).value();
  const std::uint8_t byte = 0;
  const ByteSpan vast(&byte, kMaxLeafCount + 1);  // never read: the count is checked first
  const auto refusal = [&](ByteSpan values) {
    const Status status = builder.add_chunks(values, 1);
    return status.ok() ? "" : status.error().to_string();
  };
  EXPECT_EQ(refusal(vast), "leaves: more than 2^62 of them");
  EXPECT_EQ(builder.leaf_count(), 0u);
  builder.add_leaf_hash(Digest{1});
  EXPECT_EQ(refusal(vast.first(kMaxLeafCount)), "leaves: more than 2^62 of them") << "beside one";
  EXPECT_EQ(builder.leaf_count(), 1u);
}

TEST(Proofs, AreCountedBeforeTheyAreMade) {
  for (const std::uint32_t arity : {2u, 3u, 16u}) {
    const Tree tree = sample_tree(arity, 300);
    for (const std::vector<std::uint64_t>& indices :
         {std::vector<std::uint64_t>{0}, {299}, {3, 4, 5, 200}, {0, 150, 299}})
      EXPECT_EQ(count_proof_hashes(indices, 300, arity), tree.prove_many(indices).value().hashes.size());
  }
  EXPECT_EQ(count_proof_hashes({0}, kMaxLeafCount, kMaxArity), 3u * 65535 + 16383);
}

TEST(Tree, EveryLeafIsHashedByItself) {
  Bytes values(100'000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::uint8_t>(i * i >> 3);
  const ByteSpan all(values);
  for (const std::size_t size : {1u, 63u, 64u, 100u, 1000u}) {
    const Tree tree = Tree::from_chunks(2, all.first(90'001), size).value();
    ASSERT_EQ(tree.leaf_count(), (90'000 + size) / size);
    for (std::size_t i = 0; i < tree.leaf_count(); ++i) {
      const ByteSpan rest = all.first(90'001).subspan(i * size);
      ASSERT_EQ(tree.leaf_hashes()[i], leaf_hash(rest.first(std::min(size, rest.size()))))
          << size << " " << i;
    }
  }
  std::vector<ByteSpan> parts;
  for (std::size_t i = 0; i < 1000; ++i) parts.push_back(all.subspan(7 * i, i * i % 331));
  const Tree tree = Tree::from_leaves(2, parts).value();
  ASSERT_EQ(tree.leaf_count(), parts.size());
  for (std::size_t i = 0; i < parts.size(); ++i) ASSERT_EQ(tree.leaf_hashes()[i], leaf_hash(parts[i])) << i;
}

TEST(Tree, WithoutLeavesHasTheRootOfNothing) {
  const Tree tree = sample_tree(2, 0);
  EXPECT_EQ(tree.root(), empty_root());
  EXPECT_EQ(tree.leaf_count(), 0u);
  EXPECT_EQ(tree.prove(0).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(Tree::from_leaves(2, {}).value().root(), empty_root());
  EXPECT_EQ(Tree::from_chunks(2, {}, 4).value().root(), empty_root());
  EXPECT_NE(empty_root(), leaf_hash({}));
}

TEST(Tree, LeavesComeFromValuesHashesOrChunks) {
  const Bytes values{1, 2, 3, 4, 5, 6, 7};
  const ByteSpan all(values);
  const std::vector<ByteSpan> parts{all.subspan(0, 3), all.subspan(3, 3), all.subspan(6)};
  const Tree tree = Tree::from_leaves(2, parts).value();
  EXPECT_EQ(tree.arity(), 2u);
  EXPECT_EQ(tree.leaf_count(), 3u);
  EXPECT_EQ(tree.leaf_hashes()[2], leaf_hash(Bytes{7}));
  EXPECT_EQ(Tree::from_chunks(2, values, 3).value().root(), tree.root());
  EXPECT_EQ(Tree::from_leaf_hashes(2, {tree.leaf_hashes().begin(), tree.leaf_hashes().end()}).value().root(),
            tree.root());
  EXPECT_EQ(Tree::from_chunks(2, values, 100).value().leaf_count(), 1u);
  EXPECT_EQ(Tree::from_chunks(2, all.first(6), 3).value().leaf_count(), 2u);
}

TEST(Tree, RefusesShapesThatItDoesNotHave) {
  for (const std::uint32_t arity : {0u, 1u, kMaxArity + 1, UINT32_MAX}) {
    EXPECT_EQ(Tree::from_leaf_hashes(arity, {}).error().code, ErrorCode::kOutOfRange);
    EXPECT_EQ(Tree::from_leaves(arity, {}).error().code, ErrorCode::kOutOfRange);
    EXPECT_EQ(Tree::from_chunks(arity, {}, 1).error().code, ErrorCode::kOutOfRange);
    EXPECT_EQ(RootBuilder::create(arity).error().code, ErrorCode::kOutOfRange);
  }
  EXPECT_EQ(Tree::from_chunks(2, {}, 0).error().code, ErrorCode::kOutOfRange);
  const std::uint8_t byte = 0;
  const ByteSpan vast(&byte, kMaxTreeLeaves + 1);  // never read: the count is checked first
  EXPECT_EQ(Tree::from_chunks(2, vast, 1).error().code, ErrorCode::kTooLarge);
}

TEST(Tree, AppendingGivesTheTreeOfAllLeaves) {
  for (const std::uint32_t arity : {2, 3, 7}) {
    Tree tree = sample_tree(arity, 0);
    RootBuilder builder = RootBuilder::create(arity).value();
    EXPECT_EQ(builder.root(), empty_root());
    const std::vector<Digest> leaves = sample_leaves(100);
    for (std::size_t count = 1; count <= leaves.size(); ++count) {
      ASSERT_TRUE(tree.append(leaves[count - 1]).ok());
      builder.add_leaf_hash(leaves[count - 1]);
      const Digest expected = defined_root(arity, std::span(leaves).first(count));
      EXPECT_EQ(tree.root(), expected) << arity << " " << count;
      EXPECT_EQ(builder.root(), expected) << arity << " " << count;
      EXPECT_EQ(builder.leaf_count(), count);
    }
    EXPECT_EQ(tree.prove(63).value(), sample_tree(arity, 100).prove(63).value());
  }
}

TEST(Tree, ReplacingGivesTheTreeOfTheNewLeaves) {
  for (const std::uint32_t arity : {2, 5}) {
    std::vector<Digest> leaves = sample_leaves(23);
    Tree tree = sample_tree(arity, leaves.size());
    for (const std::size_t index : {0u, 7u, 22u}) {
      leaves[index] = leaf_hash(Bytes{9});
      ASSERT_TRUE(tree.replace(index, leaves[index]).ok());
      EXPECT_EQ(tree.root(), defined_root(arity, leaves));
    }
    EXPECT_EQ(tree.replace(23, leaves[0]).error().code, ErrorCode::kOutOfRange);
  }
}

TEST(Tree, RefusesToProveWhatIsNotThere) {
  const Tree tree = sample_tree(3, 10);
  const auto code_of = [&](std::vector<std::uint64_t> indices) {
    return tree.prove_many(indices).error().code;
  };
  EXPECT_EQ(tree.prove(10).error().to_string(), "index: 10 of 10 leaves");
  EXPECT_EQ(code_of({}), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_of({3, 10}), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_of({3, 3}), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_of({4, 3}), ErrorCode::kOutOfRange);
  EXPECT_EQ(tree.prove_consistency(3).error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(sample_tree(2, 10).prove_consistency(0).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(sample_tree(2, 10).prove_consistency(11).error().code, ErrorCode::kOutOfRange);
}

TEST(Proofs, HaveTheSizeThatIsPromised) {
  EXPECT_EQ(sample_tree(2, 1024).prove(77).value().hashes.size(), 10u);
  EXPECT_EQ(sample_tree(4, 1024).prove(77).value().hashes.size(), 15u);
  EXPECT_EQ(sample_tree(32, 1024).prove(77).value().hashes.size(), 62u);
  EXPECT_TRUE(sample_tree(2, 1).prove(0).value().hashes.empty());
  // All leaves: nothing is left to tell. Two neighbours: one hash fewer each than one alone has.
  std::vector<std::uint64_t> all(13);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_TRUE(sample_tree(3, 13).prove_many(all).value().hashes.empty());
  EXPECT_EQ(sample_tree(2, 1024).prove_many(std::array<std::uint64_t, 2>{76, 77}).value().hashes.size(), 9u);
}

template <class Proof>
void expect_one_encoding(const std::vector<Digest>& hashes, std::string_view magic) {
  const Proof proof{hashes};
  const Bytes bytes = proof.to_bytes();
  WireWriter expected;
  expected.raw(magic).u32(static_cast<std::uint32_t>(hashes.size()));
  for (const Digest& hash : hashes) expected.raw(hash);
  EXPECT_EQ(bytes, expected.bytes());
  EXPECT_EQ(Proof::from_bytes(bytes, "t").value(), proof);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(Proof::from_bytes(ByteSpan(bytes).first(size), "t").ok()) << size;
  }
  Bytes longer = bytes;
  longer.push_back(0);
  EXPECT_EQ(Proof::from_bytes(longer, "t").error().code, ErrorCode::kMalformed);
  for (std::size_t i = 0; i < magic.size(); ++i) {
    Bytes other = bytes;
    other[i] ^= 1;
    EXPECT_EQ(Proof::from_bytes(other, "t").error().code, ErrorCode::kMalformed);
  }
  Bytes of_another_version = bytes;
  of_another_version[magic.size() - 1] = '2';
  EXPECT_EQ(Proof::from_bytes(of_another_version, "t").error().code, ErrorCode::kUnsupported);
  Bytes vast = bytes;
  std::fill_n(vast.begin() + static_cast<std::ptrdiff_t>(magic.size()), 4, std::uint8_t{0xff});
  EXPECT_EQ(Proof::from_bytes(vast, "t").error().code, ErrorCode::kTooLarge);
}

TEST(Proofs, HaveOneEncoding) {
  for (const std::size_t count : {0u, 1u, 3u}) {
    expect_one_encoding<InclusionProof>(sample_leaves(count), "assay/merkle/inclusion/v1");
    expect_one_encoding<MultiProof>(sample_leaves(count), "assay/merkle/multi/v1");
    expect_one_encoding<ConsistencyProof>(sample_leaves(count), "assay/merkle/consistency/v1");
  }
}

TEST(Proofs, OfAnotherKindAreRefused) {
  const Bytes bytes = InclusionProof{sample_leaves(2)}.to_bytes();
  EXPECT_FALSE(MultiProof::from_bytes(bytes, "t").ok());
  EXPECT_FALSE(ConsistencyProof::from_bytes(bytes, "t").ok());
}

}  // namespace
}  // namespace assay::merkle
