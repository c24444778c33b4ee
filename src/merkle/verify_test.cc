// Every honest proof passes, and every way to cheat that docs/merkle.md lists is rejected.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "assay/merkle.h"
#include "merkle/sample.h"

namespace assay::merkle {
namespace {

constexpr std::uint32_t kArities[] = {2, 3, 4, 8, 16};

// RFC 9162, section 2.1.3.1, as it is written there.
std::vector<Digest> defined_path(std::uint64_t index, std::span<const Digest> leaves) {
  if (leaves.size() == 1) return {};
  std::size_t half = 1;
  while (2 * half < leaves.size()) half *= 2;
  const bool left = index < half;
  std::vector<Digest> path =
      left ? defined_path(index, leaves.first(half)) : defined_path(index - half, leaves.subspan(half));
  path.push_back(defined_root(2, left ? leaves.subspan(half) : leaves.first(half)));
  return path;
}

// RFC 9162, section 2.1.4.1, as it is written there.
std::vector<Digest> defined_subproof(std::size_t old, std::span<const Digest> leaves, bool whole) {
  if (old == leaves.size())
    return whole ? std::vector<Digest>{} : std::vector<Digest>{defined_root(2, leaves)};
  std::size_t half = 1;
  while (2 * half < leaves.size()) half *= 2;
  const bool left = old <= half;
  std::vector<Digest> proof = left ? defined_subproof(old, leaves.first(half), whole)
                                   : defined_subproof(old - half, leaves.subspan(half), false);
  proof.push_back(defined_root(2, left ? leaves.subspan(half) : leaves.first(half)));
  return proof;
}

// What a proof becomes by one bit flipped, one hash left out or put in, or two swapped.
std::vector<std::vector<Digest>> damaged(const std::vector<Digest>& hashes) {
  std::vector<std::vector<Digest>> all;
  for (std::size_t bit = 0; bit < 256 * hashes.size(); bit += 1 + bit % 7) {
    all.push_back(hashes);
    all.back()[bit / 256][bit % 256 / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
  }
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    all.push_back(hashes);
    all.back().erase(all.back().begin() + static_cast<std::ptrdiff_t>(i));
    if (i > 0) {
      all.push_back(hashes);
      std::swap(all.back()[i], all.back()[i - 1]);
    }
  }
  for (std::size_t i = 0; i <= hashes.size(); ++i) {
    all.push_back(hashes);
    all.back().insert(all.back().begin() + static_cast<std::ptrdiff_t>(i), Digest{});
  }
  return all;
}

TEST(Inclusion, EveryLeafOfEveryTreeIsIncludedWhereItStands) {
  for (const std::uint32_t arity : kArities) {
    for (std::size_t count = 1; count <= 40; ++count) {
      const std::vector<Digest> leaves = sample_leaves(count);
      const Tree tree = sample_tree(arity, count);
      for (std::uint64_t index = 0; index < count; ++index) {
        const InclusionProof proof = tree.prove(index).value();
        EXPECT_TRUE(verify_inclusion(tree.root(), arity, count, index, leaves[index], proof).ok());
        if (arity == 2) {
          EXPECT_EQ(proof.hashes, defined_path(index, leaves));
        }
      }
    }
  }
}

TEST(Inclusion, InTheWidestNodes) {
  for (const std::uint32_t arity : {257u, 1000u, kMaxArity}) {
    const std::size_t count = arity + 3;
    const Tree tree = sample_tree(arity, count);
    for (const std::uint64_t index : {std::uint64_t{0}, std::uint64_t{arity} - 1, std::uint64_t{arity} + 2}) {
      const Digest leaf = tree.leaf_hashes()[index];
      InclusionProof proof = tree.prove(index).value();
      EXPECT_TRUE(verify_inclusion(tree.root(), arity, count, index, leaf, proof).ok());
      EXPECT_FALSE(verify_inclusion(tree.root(), arity, count, index ^ 1, leaf, proof).ok());
      proof.hashes.back()[31] ^= 1;
      EXPECT_EQ(verify_inclusion(tree.root(), arity, count, index, leaf, proof).step(), "root");
    }
  }
}

TEST(Inclusion, AtNoOtherIndex) {
  for (const std::uint32_t arity : kArities) {
    for (std::size_t count = 1; count <= 40; ++count) {
      const Tree tree = sample_tree(arity, count);
      for (std::uint64_t index = 0; index < count; ++index) {
        const InclusionProof proof = tree.prove(index).value();
        for (std::uint64_t other = 0; other < count + 3; ++other) {
          if (other == index) continue;
          EXPECT_FALSE(
              verify_inclusion(tree.root(), arity, count, other, tree.leaf_hashes()[index], proof).ok())
              << arity << " " << count << " " << index << " " << other;
        }
      }
    }
  }
}

TEST(Inclusion, BeyondTheEndNothingStands) {
  const Tree tree = sample_tree(2, 5);
  const InclusionProof proof = tree.prove(4).value();
  for (const std::uint64_t index : {std::uint64_t{5}, std::uint64_t{7}, UINT64_MAX}) {
    EXPECT_EQ(verify_inclusion(tree.root(), 2, 5, index, tree.leaf_hashes()[4], proof).step(), "index");
  }
  EXPECT_EQ(verify_inclusion(empty_root(), 2, 0, 0, leaf_hash({}), {}).step(), "index");
}

TEST(Inclusion, NoOtherLeafAndNoOtherRoot) {
  for (const std::uint32_t arity : kArities) {
    const Tree tree = sample_tree(arity, 21);
    for (std::uint64_t index = 0; index < 21; ++index) {
      const InclusionProof proof = tree.prove(index).value();
      for (std::uint64_t other = 0; other < 21; ++other) {
        EXPECT_EQ(verify_inclusion(tree.root(), arity, 21, index, tree.leaf_hashes()[other], proof).ok(),
                  other == index);
      }
      EXPECT_EQ(verify_inclusion(Digest{}, arity, 21, index, tree.leaf_hashes()[index], proof).step(),
                "root");
    }
  }
}

// A bare root does not bind the count: the same root and the same path can belong to another count that gives
// this index a path of the same shape. What may pass is exactly that; sized_root() is what binds the count.
TEST(Inclusion, AnotherCountPassesOnlyWithAPathOfTheSameShape) {
  for (const std::uint32_t arity : kArities) {
    std::vector<Tree> trees;
    for (std::size_t count = 0; count <= 45; ++count) trees.push_back(sample_tree(arity, count));
    for (std::size_t count = 1; count <= 40; ++count) {
      const Tree& tree = trees[count];
      for (std::uint64_t index = 0; index < count; ++index) {
        const InclusionProof proof = tree.prove(index).value();
        for (std::size_t other = index + 1; other <= 45; ++other) {
          if (other == count) continue;
          const bool same_length = trees[other].prove(index).value().hashes.size() == proof.hashes.size();
          const Verdict verdict =
              verify_inclusion(tree.root(), arity, other, index, tree.leaf_hashes()[index], proof);
          if (!same_length) {
            EXPECT_EQ(verdict.step(), "proof length") << arity << " " << count << " " << other;
          }
          EXPECT_NE(sized_root(arity, other, tree.root()), sized_root(arity, count, tree.root()));
        }
      }
    }
  }
}

TEST(Inclusion, AProofOfAnotherSizeOfTheGrowingTreeFails) {
  for (const std::uint32_t arity : kArities) {
    for (std::size_t count = 2; count <= 40; ++count) {
      const Tree now = sample_tree(arity, count);
      const Tree before = sample_tree(arity, count - 1);
      for (std::uint64_t index = 0; index + 1 < count; ++index) {
        const Digest& leaf = now.leaf_hashes()[index];
        EXPECT_FALSE(
            verify_inclusion(now.root(), arity, count, index, leaf, before.prove(index).value()).ok());
        EXPECT_FALSE(
            verify_inclusion(before.root(), arity, count - 1, index, leaf, now.prove(index).value()).ok());
      }
    }
  }
}

TEST(Inclusion, AnotherArityPassesOnlyWithAPathOfTheSameShape) {
  for (const std::uint32_t arity : kArities) {
    for (const std::uint32_t other : kArities) {
      if (other == arity) continue;
      const Tree tree = sample_tree(arity, 33);
      const Tree of_other = sample_tree(other, 33);
      for (std::uint64_t index = 0; index < 33; ++index) {
        const InclusionProof proof = tree.prove(index).value();
        // Leaf 32 is passed up to the root's right end, and the root has three children, for 4 as for 16.
        if (of_other.prove(index).value().hashes.size() == proof.hashes.size()) {
          EXPECT_EQ(index, 32u);
          continue;
        }
        EXPECT_EQ(verify_inclusion(tree.root(), other, 33, index, tree.leaf_hashes()[index], proof).step(),
                  "proof length");
      }
      EXPECT_NE(sized_root(other, 33, tree.root()), sized_root(arity, 33, tree.root()));
    }
  }
}

TEST(Inclusion, NoShapeThatIsNone) {
  const Tree tree = sample_tree(2, 4);
  const InclusionProof proof = tree.prove(1).value();
  for (const std::uint32_t arity : {0u, 1u, kMaxArity + 1}) {
    EXPECT_EQ(verify_inclusion(tree.root(), arity, 4, 1, tree.leaf_hashes()[1], proof).step(), "tree shape");
  }
  EXPECT_EQ(verify_inclusion(tree.root(), 2, UINT64_MAX, 1, tree.leaf_hashes()[1], proof).step(),
            "tree shape");
  EXPECT_EQ(verify_inclusion(tree.root(), 2, kMaxLeafCount, 1, tree.leaf_hashes()[1], proof).step(),
            "proof length");
}

TEST(Inclusion, NoDamagedProof) {
  for (const std::uint32_t arity : kArities) {
    for (const std::size_t count : {1u, 2u, 5u, 17u, 40u}) {
      const Tree tree = sample_tree(arity, count);
      for (std::uint64_t index = 0; index < count; index += 1 + count / 4) {
        for (const std::vector<Digest>& hashes : damaged(tree.prove(index).value().hashes)) {
          EXPECT_FALSE(
              verify_inclusion(tree.root(), arity, count, index, tree.leaf_hashes()[index], {hashes}).ok());
        }
      }
    }
  }
}

TEST(Attack, AnInnerNodeIsNoLeaf) {
  const Tree tree = sample_tree(2, 4);
  const std::span<const Digest> leaves = tree.leaf_hashes();
  // The value that is the two hashes below an inner node: without tags it would hash to that node.
  Bytes value(leaves[0].begin(), leaves[0].end());
  value.insert(value.end(), leaves[1].begin(), leaves[1].end());
  const Digest right = node_hash(leaves.subspan(2, 2));
  EXPECT_NE(leaf_hash(value), node_hash(leaves.first(2)));
  EXPECT_FALSE(verify_inclusion(tree.root(), 2, 2, 0, leaf_hash(value), {{right}}).ok());
  EXPECT_FALSE(verify_inclusion(tree.root(), 2, 4, 0, leaf_hash(value), {{right}}).ok());
  // The node's own hash as a leaf of the tree as it is: the path is too short, whatever the prover sends.
  EXPECT_EQ(verify_inclusion(tree.root(), 2, 4, 0, node_hash(leaves.first(2)), {{right}}).step(),
            "proof length");
}

TEST(Attack, ARepeatedLastLeafGivesAnotherRoot) {
  // CVE-2012-2459: trees that fill up with copies of the last leaf give both lists one root.
  for (const std::uint32_t arity : kArities) {
    for (std::size_t count = 1; count <= 20; ++count) {
      std::vector<Digest> leaves = sample_leaves(count);
      const Digest root = sample_tree(arity, count).root();
      for (int copies = 0; copies < 4; ++copies) {
        leaves.push_back(leaves.back());
        EXPECT_NE(Tree::from_leaf_hashes(arity, leaves).value().root(), root);
      }
    }
  }
}

TEST(Attack, ALonePromotedLeafIsNotALeafOfASmallerTree) {
  // Of 3 leaves, the last is a child of the root: with 2 leaves claimed it would stand at index 1.
  const Tree tree = sample_tree(2, 3);
  const InclusionProof proof = tree.prove(2).value();
  EXPECT_FALSE(verify_inclusion(tree.root(), 2, 3, 1, tree.leaf_hashes()[2], proof).ok());
  // Against a bare root and a count that the prover may choose it does pass; that is what sized_root() is
  // for.
  EXPECT_TRUE(verify_inclusion(tree.root(), 2, 2, 1, tree.leaf_hashes()[2], proof).ok());
  EXPECT_NE(sized_root(2, 2, tree.root()), sized_root(2, 3, tree.root()));
}

struct Selection {
  std::vector<std::uint64_t> indices;
  std::vector<Digest> leaves;
};

Selection select(const Tree& tree, std::vector<std::uint64_t> indices) {
  Selection selection{std::move(indices), {}};
  for (const std::uint64_t index : selection.indices) selection.leaves.push_back(tree.leaf_hashes()[index]);
  return selection;
}

TEST(Many, EverySetOfLeavesOfSmallTrees) {
  for (const std::uint32_t arity : {2u, 3u, 4u}) {
    for (std::uint64_t count = 1; count <= 9; ++count) {
      const Tree tree = sample_tree(arity, count);
      for (unsigned set = 1; set < 1u << count; ++set) {
        std::vector<std::uint64_t> indices;
        for (std::uint64_t i = 0; i < count; ++i) {
          if (set >> i & 1) indices.push_back(i);
        }
        const auto [chosen, leaves] = select(tree, indices);
        const MultiProof proof = tree.prove_many(chosen).value();
        EXPECT_TRUE(verify_many(tree.root(), arity, count, chosen, leaves, proof).ok())
            << arity << " " << count << " " << set;
        for (std::size_t i = 0; i < leaves.size(); ++i) {
          std::vector<Digest> wrong = leaves;
          wrong[i][31] ^= 1;
          EXPECT_FALSE(verify_many(tree.root(), arity, count, chosen, wrong, proof).ok());
        }
      }
    }
  }
}

TEST(Many, RandomSetsOfLargerTrees) {
  std::mt19937 engine(3);
  int damaged_ones = 0;
  for (int round = 0; round < 150; ++round) {
    const auto arity = static_cast<std::uint32_t>(2 + engine() % 20);
    const std::uint64_t count = 1 + engine() % 500;
    const Tree tree = sample_tree(arity, count);
    std::vector<std::uint64_t> indices;
    for (std::uint64_t i = 0; i < count; ++i) {
      if (engine() % 10 == 0 || i + 1 == count) indices.push_back(i);
    }
    const Selection selection = select(tree, indices);
    const MultiProof proof = tree.prove_many(indices).value();
    EXPECT_TRUE(verify_many(tree.root(), arity, count, indices, selection.leaves, proof).ok());
    EXPECT_EQ(MultiProof::from_bytes(proof.to_bytes(), "t").value(), proof);
    if (proof.hashes.size() > 30) continue;
    ++damaged_ones;
    for (const std::vector<Digest>& hashes : damaged(proof.hashes)) {
      if (hashes == proof.hashes) continue;  // two equal neighbours swapped
      EXPECT_FALSE(verify_many(tree.root(), arity, count, indices, selection.leaves, {hashes}).ok());
    }
  }
  EXPECT_GT(damaged_ones, 10);
}

TEST(Many, ManyLeavesOfALargeTree) {
  for (const std::uint32_t arity : {2u, 5u, 256u}) {
    const std::uint64_t count = 3000;
    const Tree tree = sample_tree(arity, count);
    for (const std::uint64_t step : {1u, 2u, 3u, 67u}) {
      std::vector<std::uint64_t> indices;
      for (std::uint64_t i = step - 1; i < count; i += step) indices.push_back(i);
      const auto [chosen, leaves] = select(tree, indices);
      const MultiProof proof = tree.prove_many(chosen).value();
      EXPECT_TRUE(verify_many(tree.root(), arity, count, chosen, leaves, proof).ok()) << arity << " " << step;
      for (const std::size_t i : {std::size_t{0}, leaves.size() / 2, leaves.size() - 1}) {
        std::vector<Digest> wrong = leaves;
        wrong[i][31] ^= 1;
        EXPECT_EQ(verify_many(tree.root(), arity, count, chosen, wrong, proof).step(), "root")
            << arity << " " << step;
      }
    }
  }
}

TEST(Many, OfOneLeafIsTheProofOfThatLeaf) {
  const Tree tree = sample_tree(3, 20);
  for (std::uint64_t index = 0; index < 20; ++index) {
    EXPECT_EQ(tree.prove_many(std::span(&index, 1)).value().hashes, tree.prove(index).value().hashes);
  }
}

TEST(Many, RefusesOtherSets) {
  const Tree tree = sample_tree(2, 12);
  const Selection selection = select(tree, {2, 3, 7});
  const MultiProof proof = tree.prove_many(selection.indices).value();
  const auto step = [&](std::vector<std::uint64_t> indices, std::vector<Digest> leaves) {
    return verify_many(tree.root(), 2, 12, indices, leaves, proof).step();
  };
  const auto& leaves = selection.leaves;
  EXPECT_EQ(step({2, 3, 7}, leaves), "");
  EXPECT_EQ(step({}, {}), "leaves");
  EXPECT_EQ(step({2, 3}, leaves), "leaves");
  EXPECT_EQ(step({2, 3, 7, 8}, leaves), "leaves");
  EXPECT_EQ(step({2, 7, 3}, {leaves[0], leaves[2], leaves[1]}), "index");
  EXPECT_EQ(step({2, 2, 7}, leaves), "index");
  EXPECT_EQ(step({2, 3, 12}, leaves), "index");
  EXPECT_EQ(step({2, 4, 7}, leaves), "proof length");
  EXPECT_EQ(step({2, 3, 6}, leaves), "root");
  EXPECT_EQ(step({2, 3, 7}, {leaves[1], leaves[0], leaves[2]}), "root");
  EXPECT_EQ(verify_many(tree.root(), 1, 12, selection.indices, leaves, proof).step(), "tree shape");
}

class Consistency : public testing::Test {
 protected:
  static constexpr std::size_t kMost = 40;
  const std::vector<Digest> leaves_ = sample_leaves(kMost + 2);
  Digest root(std::size_t count) const { return defined_root(2, std::span(leaves_).first(count)); }
};

TEST_F(Consistency, OfEveryPairOfSizes) {
  for (std::size_t after = 1; after <= kMost; ++after) {
    const Tree tree = sample_tree(2, after);
    for (std::size_t before = 1; before <= after; ++before) {
      const ConsistencyProof proof = tree.prove_consistency(before).value();
      EXPECT_EQ(proof.hashes, defined_subproof(before, std::span(leaves_).first(after), true))
          << before << " " << after;
      EXPECT_TRUE(verify_consistency(root(before), before, root(after), after, proof).ok())
          << before << " " << after;
    }
  }
}

TEST_F(Consistency, NotWithOtherRootsOrSizes) {
  for (std::size_t after = 2; after <= 20; ++after) {
    const Tree tree = sample_tree(2, after);
    for (std::size_t before = 1; before <= after; ++before) {
      const ConsistencyProof proof = tree.prove_consistency(before).value();
      Digest wrong = root(before);
      wrong[0] ^= 1;
      EXPECT_FALSE(verify_consistency(wrong, before, root(after), after, proof).ok());
      wrong = root(after);
      wrong[31] ^= 0x80;
      EXPECT_FALSE(verify_consistency(root(before), before, wrong, after, proof).ok());
      if (before == after) continue;
      EXPECT_FALSE(verify_consistency(root(after), before, root(before), after, proof).ok());
      EXPECT_FALSE(verify_consistency(root(before), after, root(after), before, proof).ok());
      // Another history: the leaf before the cut is not the one that the old tree ended with.
      std::vector<Digest> rewritten(leaves_.begin(), leaves_.begin() + static_cast<std::ptrdiff_t>(after));
      rewritten[before - 1][5] ^= 1;
      const Tree forged = Tree::from_leaf_hashes(2, rewritten).value();
      EXPECT_FALSE(verify_consistency(root(before), before, forged.root(), after,
                                      forged.prove_consistency(before).value())
                       .ok());
    }
  }
}

TEST_F(Consistency, NoDamagedProof) {
  for (const auto& [before, after] :
       {std::pair{1u, 2u}, {3u, 7u}, {4u, 7u}, {6u, 8u}, {7u, 7u}, {13u, 40u}, {32u, 40u}}) {
    for (const std::vector<Digest>& hashes :
         damaged(sample_tree(2, after).prove_consistency(before).value().hashes)) {
      EXPECT_FALSE(verify_consistency(root(before), before, root(after), after, {hashes}).ok());
    }
  }
}

TEST_F(Consistency, NamesItsSteps) {
  const ConsistencyProof proof = sample_tree(2, 7).prove_consistency(3).value();
  EXPECT_EQ(verify_consistency(root(3), 0, root(7), 7, proof).step(), "tree shape");
  EXPECT_EQ(verify_consistency(root(3), 8, root(7), 7, proof).step(), "tree shape");
  EXPECT_EQ(verify_consistency(root(3), 3, root(7), UINT64_MAX, proof).step(), "tree shape");
  EXPECT_EQ(verify_consistency(root(3), 3, root(7), kMaxLeafCount, proof).step(), "proof length");
  EXPECT_EQ(verify_consistency(root(3), 3, root(7), kMaxLeafCount + 1, proof).step(), "tree shape");
  EXPECT_EQ(verify_consistency(root(3), 3, root(7), 7, {}).step(), "proof length");
  EXPECT_EQ(verify_consistency(root(7), 7, root(7), 7, proof).step(), "proof length");
  EXPECT_EQ(verify_consistency(root(2), 3, root(7), 7, proof).step(), "old root");
  EXPECT_EQ(verify_consistency(root(3), 3, root(6), 7, proof).step(), "new root");
  EXPECT_EQ(verify_consistency(root(6), 7, root(7), 7, {}).step(), "new root");
}

}  // namespace
}  // namespace assay::merkle
