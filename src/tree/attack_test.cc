// What a dishonest prover would try. The comment of each test names the check that stops it: with that check
// taken out, the forgery is accepted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "assay/pst_original.h"
#include "tree/test_support.h"

namespace assay::tree {
namespace {

using test::Sample;
using test::SomeLeaves;

using Indices = std::vector<std::uint64_t>;

struct Honest {
  Sample sample;
  SomeLeaves leaves;
  Tree tree;

  Honest(Sample given, LeafKind leaf, std::size_t count)
      : sample(std::move(given)),
        leaves(leaf, count),
        tree(Tree::build(sample.setup, sample.config(leaf), leaves.all()).value()) {}

  [[nodiscard]] Proof prove(const Indices& indices, bool aggregated = false) const {
    return tree.prove(indices, aggregated).value();
  }
  [[nodiscard]] Verdict verify(const Indices& indices, const SomeLeaves& values, const Proof& proof,
                               const VerifyOptions& options = {}) const {
    return tree::verify(tree.root(), indices, values.all(), proof, sample.setup.key(), options);
  }
  [[nodiscard]] Verdict verify(const Indices& indices, const Proof& proof) const {
    return verify(indices, leaves.at(indices), proof);
  }
};

void expect_rejected(const Verdict& verdict, std::string_view step, std::string_view what = {}) {
  EXPECT_EQ(verdict.outcome(), Outcome::kRejected) << what;
  EXPECT_EQ(verdict.step(), step) << what << ": " << verdict.reason();
}

Bytes points(std::initializer_list<G1Affine> given) {
  Bytes out;
  for (const G1Affine& point : given) {
    const auto encoded = curve::encode(point);
    out.insert(out.end(), encoded.begin(), encoded.end());
  }
  return out;
}

/// The kinds of proof, over trees of two levels and more.
std::vector<std::pair<Sample, bool>> all_forms() {
  return {{test::merkle_sample(2), false},
          {test::verkle_sample(2), false},
          {test::verkle_sample(2), true},
          {test::terkle_sample({2, 2}), false},
          {test::terkle_sample({2, 3}), false}};
}

// Stopped by: the equation (points), the root (hashes). Another value, another index, another tree's proof.
TEST(Attack, AnotherValueOrIndex) {
  for (const auto& [sample, aggregated] : all_forms())
    for (const LeafKind leaf : test::leaf_kinds()) {
      const Honest honest(sample, leaf, 30);
      const std::string_view step = sample.setup.kind() == Kind::kMerkle ? "root" : "opening equation";
      const Proof proof = honest.prove({4, 5}, aggregated);
      ASSERT_TRUE(honest.verify({4, 5}, proof).ok());
      expect_rejected(honest.verify({4, 5}, honest.leaves.at(Indices{4, 6}), proof), step, sample.name);
      expect_rejected(honest.verify({4, 5}, honest.leaves.at(Indices{5, 4}), proof), step, sample.name);
      // The values of these under the proof of those.
      expect_rejected(honest.verify({10, 11}, honest.leaves.at(Indices{4, 5}), proof), step, sample.name);
    }
}

// Stopped by: "proof length" for levels too many and too few; the body says nothing about its levels.
TEST(Attack, AProofOfAnotherLength) {
  for (const auto& [sample, aggregated] : all_forms()) {
    const Honest honest(sample, LeafKind::kU64, 30);
    const Proof proof = honest.prove({7}, aggregated);
    for (int change = -3; change <= 3; ++change) {
      if (change == 0) continue;
      Proof other = proof;
      other.body.resize(static_cast<std::size_t>(static_cast<int>(proof.body.size()) + 32 * change));
      if (change > 0) std::copy_n(proof.body.begin(), 32 * change, other.body.end() - 32 * change);
      expect_rejected(honest.verify({7}, other), "proof length", sample.name);
    }
    Proof none = proof;
    none.body.clear();
    expect_rejected(honest.verify({7}, none), "proof length", sample.name);
  }
}

/// A leaf at index 0 of a tree of four leaves that is the digest of a commitment of the attacker's: attack 1
/// on the original Terkle verifier, which let the prover say whether a child's commitment follows.
TEST(Attack, ADigestAsALeafOpenedOneLevelDeeper) {
  for (const Sample& sample : {test::verkle_sample(1), test::terkle_sample({2})}) {
    const Config config = sample.config(LeafKind::kField);
    // A node over leaves of the attacker's choice, and its digest as it would be at height 1.
    const SomeLeaves chosen(LeafKind::kField, 2, 9);
    const Tree below = Tree::build(sample.setup, config, chosen.all()).value();
    const Fr digest = test::defined_digest(config, 1, below.root().value);
    const std::vector<Scalar> leaves{digest.to_scalar(), Scalar::from_u64(1)};
    const Tree planted = Tree::build(sample.setup, config, leaves).value();
    // Its root taken for that of four leaves opens leaf 0 to chosen[0], with a root that is honest in all but
    // n.
    Root root = planted.root();
    root.count = 4;
    Proof forged{sample.setup.kind() == Kind::kVerkle ? Proof::Form::kVerkle : Proof::Form::kTerkle,
                 root.digest(),
                 {}};
    const Proof upper = planted.prove(Indices{0}).value(), lower = below.prove(Indices{0}).value();
    forged.body.assign(below.root().value.begin(), below.root().value.end());
    forged.body.insert(forged.body.end(), upper.body.begin(), upper.body.end());
    forged.body.insert(forged.body.end(), lower.body.begin(), lower.body.end());
    // Under the public part of the planted tree, that says two leaves, there is no room for it.
    Proof fitted = forged;
    fitted.tree = planted.root().digest();
    const SomeLeaves value = chosen.at(Indices{0});
    expect_rejected(verify(planted.root(), Indices{0}, value.all(), fitted, sample.setup.key()),
                    "proof length");
    // A verifier that expects the planted tree by its digest does not take the other n, though all else
    // holds.
    VerifyOptions expecting;
    expecting.root_digest = planted.root().digest();
    expect_rejected(verify(root, Indices{0}, value.all(), forged, sample.setup.key(), expecting),
                    "root digest");
    EXPECT_TRUE(verify(root, Indices{0}, value.all(), forged, sample.setup.key()).ok())
        << "n is the verifier's to know: the public part binds it";
  }
}

// Attack 1, second half: the digest of an inner node passed off as the value of a leaf. Stopped by the depth:
// the path ends where n says.
TEST(Attack, AnInnerDigestAsALeaf) {
  for (const Sample& sample : {test::verkle_sample(1), test::terkle_sample({2})}) {
    const Honest honest(sample, LeafKind::kField, 4);
    const Proof proof = honest.prove({0});
    const ByteSpan inner = ByteSpan(proof.body).first(32);
    const std::vector<Scalar> digest{
        test::defined_digest(honest.sample.config(LeafKind::kField), 1, inner).to_scalar()};
    Proof forged = proof;
    forged.body.assign(proof.body.begin() + 32, proof.body.begin() + 64);  // the root's quotient alone
    expect_rejected(verify(honest.tree.root(), Indices{0}, digest, forged, sample.setup.key()),
                    "proof length");
    // The root once more in place of the child.
    forged.body.assign(honest.tree.root().value.begin(), honest.tree.root().value.end());
    forged.body.insert(forged.body.end(), proof.body.begin() + 32, proof.body.begin() + 64);
    forged.body.insert(forged.body.end(), proof.body.begin() + 32, proof.body.begin() + 64);
    expect_rejected(verify(honest.tree.root(), Indices{0}, digest, forged, sample.setup.key()),
                    "opening equation");
  }
}

/// A tree of the attacker's, of which the verifier's root is that of the honest one: attack 1 on the original
/// Verkle verifier, which never compared a value opened with the commitment below it. Stopped by: the value
/// of an inner child is the digest of the commitment in the proof.
TEST(Attack, LevelsThatAreNotLinked) {
  for (const auto& [sample, aggregated] : all_forms()) {
    if (sample.setup.kind() == Kind::kMerkle) continue;
    const Honest honest(sample, LeafKind::kU64, sample.config(LeafKind::kU64).fan_out() * 2);
    const Honest other(sample, LeafKind::kU64, sample.config(LeafKind::kU64).fan_out() * 2);
    SomeLeaves false_leaves = honest.leaves;
    false_leaves.put(Indices{1}, SomeLeaves(LeafKind::kU64, 1, 77));
    const Tree forger = Tree::build(sample.setup, sample.config(LeafKind::kU64), false_leaves.all()).value();
    // Honest above, the forger's own below.
    const Proof above = honest.prove({1}, aggregated), below = forger.prove(Indices{1}, aggregated).value();
    Proof forged = above;
    const std::size_t half = aggregated ? 32 : 32 + (above.body.size() - 32) / 2;
    std::copy_n(below.body.begin(), 32, forged.body.begin());
    std::copy(below.body.begin() + static_cast<std::ptrdiff_t>(half), below.body.end(),
              forged.body.begin() + static_cast<std::ptrdiff_t>(half));
    expect_rejected(honest.verify({1}, false_leaves.at(Indices{1}), forged), "opening equation", sample.name);
    // The forger's commitment with the honest quotients, and the other way round.
    forged = above;
    std::copy_n(below.body.begin(), 32, forged.body.begin());
    expect_rejected(honest.verify({1}, forged), "opening equation", sample.name);
  }
}

// Attack 2 on the original Verkle verifier: index and value were compared with fields inside the proof. There
// are none; paths of two leaves swapped do not pass.
TEST(Attack, SwappedPaths) {
  for (const auto& [sample, aggregated] : all_forms()) {
    const Honest honest(sample, LeafKind::kU64, 30);
    const std::string_view step = sample.setup.kind() == Kind::kMerkle ? "root" : "opening equation";
    const Proof first = honest.prove({0}, aggregated), second = honest.prove({29}, aggregated);
    if (first.body.size() == second.body.size()) {
      expect_rejected(honest.verify({29}, first), step, sample.name);
      expect_rejected(honest.verify({0}, second), step, sample.name);
    }
    // Two points of one proof in each other's place.
    Proof swapped = honest.prove({3, 20}, aggregated);
    for (std::size_t i = 0; i + 64 <= swapped.body.size(); i += 32) {
      Proof each = swapped;
      if (std::equal(each.body.begin() + static_cast<std::ptrdiff_t>(i),
                     each.body.begin() + static_cast<std::ptrdiff_t>(i + 32),
                     each.body.begin() + static_cast<std::ptrdiff_t>(i + 32)))
        continue;
      std::swap_ranges(each.body.begin() + static_cast<std::ptrdiff_t>(i),
                       each.body.begin() + static_cast<std::ptrdiff_t>(i + 32),
                       each.body.begin() + static_cast<std::ptrdiff_t>(i + 32));
      expect_rejected(honest.verify({3, 20}, each), step, sample.name);
    }
  }
}

// Attack 3 on the original Verkle verifier, and 2 on Terkle's: digests that other commitments share, by the
// sum of coordinates, by the sign flag, or modulo r. Stopped by hash_to_field over all 32 bytes.
TEST(Attack, AnotherCommitmentOfTheSameXCoordinate) {
  for (const Sample& sample : {test::verkle_sample(1), test::terkle_sample({2})}) {
    const Config config = sample.config(LeafKind::kU64);
    const G1Affine point = curve::multiply_vartime(G1Affine::generator(), Fr::from_u64(1234));
    const Fr digest = test::defined_digest(config, 1, points({point}));
    EXPECT_NE(digest, test::defined_digest(config, 1, points({curve::negate(point)})));
    EXPECT_NE(digest, test::defined_digest(config, 1, points({G1Affine::infinity()})));
    // Not the bytes modulo r, which the flag in the top bit changes by a known amount.
    Bytes bytes = points({point});
    EXPECT_NE(digest, Fr::from_bytes_reduced(bytes));
  }
}

// Heights, kinds, arities and setups have tags of their own: a digest of one is no digest of another.
TEST(Attack, ADigestOfAnotherHeightOrConfiguration) {
  const Config config = test::terkle_sample({2, 2}).config(LeafKind::kU64);
  const Bytes message = points({G1Affine::generator()});
  const Fr digest = test::defined_digest(config, 1, message);
  EXPECT_NE(digest, test::defined_digest(config, 2, message));
  EXPECT_NE(digest, test::defined_digest(config, 0, message));
  Config other = config;
  other.kind = Kind::kVerkle;
  EXPECT_NE(digest, test::defined_digest(other, 1, message));
  other = config;
  other.arities = {4};
  EXPECT_NE(digest, test::defined_digest(other, 1, message));
  other = config;
  other.srs_digest[31] ^= 1;
  EXPECT_NE(digest, test::defined_digest(other, 1, message));
  // Byte leaves are digests at height 0: bytes that are a commitment are not the node under it.
  const Sample sample = test::verkle_sample(1);
  const std::vector<ByteSpan> leaves{message};
  const Tree tree = Tree::build(sample.setup, sample.config(LeafKind::kBytes), leaves).value();
  const std::vector<Scalar> as_node{
      test::defined_digest(sample.config(LeafKind::kBytes), 1, message).to_scalar()};
  EXPECT_NE(tree.root().value,
            Tree::build(sample.setup, sample.config(LeafKind::kField), as_node).value().root().value);
}

// Attack 3 on Terkle's verifier and 4 on Verkle's: parameters of the prover's making. Who knows the secrets
// opens anything; stopped by the verifier's own key.
TEST(Attack, ASetupOfTheProver) {
  const std::vector<Fr> secrets{Fr::from_u64(3), Fr::from_u64(8)};
  const Axes axes = Axes::from(std::vector<std::uint64_t>{2, 2}, "axes").value();
  const pst::Srs known = pst::Srs::from_secrets(axes, secrets).value();
  const tree::Setup setup = Setup::of(known).value();
  const Config config = setup.config({}, LeafKind::kU64).value();
  const SomeLeaves leaves(LeafKind::kU64, 4);
  const Tree tree = Tree::build(setup, config, leaves.all()).value();
  // pi_0 = (C - yG - (t_1 - z_1) pi_1) / (t_0 - z_0) for any y and any pi_1: here leaf 0 is 5, pi_1 = G.
  const G1Affine commitment = curve::decode_g1(tree.root().value, "root").value();
  const G1Affine rest =
      curve::add(commitment, curve::multiply_vartime(G1Affine::generator(), -(Fr::from_u64(5) + secrets[1])));
  const G1Affine first = curve::multiply_vartime(rest, secrets[0].inverse());
  const Proof forged{Proof::Form::kTerkle, tree.root().digest(), points({first, G1Affine::generator()})};
  const std::vector<std::uint64_t> five{5};
  const Verdict fooled = verify(tree.root(), Indices{0}, five, forged, setup.key());
  EXPECT_TRUE(fooled.ok()) << "under a key whose maker cheats everything opens: " << fooled.reason();
  ASSERT_FALSE(fooled.assumptions().empty());
  EXPECT_THAT(fooled.assumptions()[0], testing::HasSubstr("SRS unverified"));
  // A verifier with parameters of another origin rejects it, whatever else the public part says.
  expect_rejected(verify(tree.root(), Indices{0}, five, forged, test::terkle_sample({2, 2}).setup.key()),
                  "setup");
  expect_rejected(verify(tree.root(), Indices{0}, five, forged, Key::merkle()), "setup");
  Root relabelled = tree.root();
  relabelled.config.srs_digest = test::terkle_sample({2, 2}).setup.digest();
  Proof relabelled_proof = forged;
  relabelled_proof.tree = relabelled.digest();
  expect_rejected(
      verify(relabelled, Indices{0}, five, relabelled_proof, test::terkle_sample({2, 2}).setup.key()),
      "opening equation");
  setup::TrustList trusted;
  ASSERT_TRUE(trusted.add(setup.digest(), "our own").ok());
  VerifyOptions options;
  options.trusted = &trusted;
  const Verdict quoted = verify(tree.root(), Indices{0}, five, forged, setup.key(), options);
  EXPECT_THAT(quoted.assumptions()[0], testing::HasSubstr("trusted by the verifier's list as 'our own'"));
}

// The list may have the setup of the original pipeline: a verdict says all the same that it binds nobody.
TEST(Attack, ASetupThatEverybodyKnows) {
  const Axes axes = Axes::from(std::vector<std::uint64_t>{2, 2}, "axes").value();
  const tree::Setup setup = Setup::of(pst::original_srs(axes).value()).value();
  const SomeLeaves leaves(LeafKind::kU64, 4);
  const Tree tree = Tree::build(setup, setup.config({}, LeafKind::kU64).value(), leaves.all()).value();
  setup::TrustList trusted;
  ASSERT_TRUE(trusted.add(setup.digest(), "our own").ok());
  VerifyOptions options;
  options.trusted = &trusted;
  const Indices first{0};
  const Verdict verdict =
      verify(tree.root(), first, leaves.all().subview(0, 1), tree.prove(first).value(), setup.key(), options);
  EXPECT_TRUE(verdict.ok()) << verdict.reason();
  EXPECT_THAT(verdict.assumptions()[0], testing::HasSubstr("SRS secrets known to all"));
}

// Stopped by: "proof shape". A public part that was made in memory may have an axis of one node, which none
// that is read has: any point along it would satisfy the equation.
TEST(Attack, APointAlongAnAxisOfOneNode) {
  const Key key = Setup::of(test::pst_srs({1, 4})).value().key();
  const G1Affine any = G1Affine::generator();
  const Root root{Config{Kind::kTerkle, LeafKind::kU64, {1, 4}, key.digest()}, 4, curve::encode(any)};
  const Proof forged{Proof::Form::kTerkle, root.digest(), points({any, any})};
  const Verdict verdict = verify(root, Indices{2}, std::vector<std::uint64_t>{5}, forged, key);
  expect_rejected(verdict, "proof shape");
  EXPECT_EQ(verdict.reason(), "axis 0 has one node, so its proof point must be infinity");
}

// Attack 4 on Terkle's: leaves and digests share one field. n fixes which children are nodes, so no value is
// both; a tree whose leaf is chosen to be a digest still opens to that leaf and nothing else.
TEST(Attack, ALeafThatIsADigest) {
  const Sample sample = test::terkle_sample({2});
  const Config config = sample.config(LeafKind::kField);
  const Fr digest = test::defined_digest(config, 1, points({G1Affine::generator()}));
  const std::vector<Scalar> leaves{digest.to_scalar(), Scalar{}, Scalar{}};
  const Tree tree = Tree::build(sample.setup, config, leaves).value();
  const Proof proof = tree.prove(Indices{0}).value();
  EXPECT_TRUE(verify(tree.root(), Indices{0}, std::span(leaves).first(1), proof, sample.setup.key()).ok());
  const std::vector<Scalar> other{Scalar::from_u64(1)};
  expect_rejected(verify(tree.root(), Indices{0}, other, proof, sample.setup.key()), "opening equation");
}

// Stopped by: "tree", and where the prover writes the digest of the new one into the old proof, the equation.
TEST(Attack, AnOldProofOrRootAfterAnUpdate) {
  for (const auto& [sample, aggregated] : all_forms()) {
    Honest honest(sample, LeafKind::kU64, 30);
    const Root old = honest.tree.root();
    const Proof proof = honest.prove({4}, aggregated);
    ASSERT_TRUE(honest.tree.update(Indices{5}, SomeLeaves(LeafKind::kU64, 1, 3).all()).ok());
    expect_rejected(honest.verify({4}, proof), "tree", sample.name);
    Proof relabelled = proof;
    relabelled.tree = honest.tree.root().digest();
    expect_rejected(honest.verify({4}, relabelled),
                    sample.setup.kind() == Kind::kMerkle ? "root" : "opening equation", sample.name);
    VerifyOptions options;
    options.root_digest = honest.tree.root().digest();
    expect_rejected(
        verify(old, Indices{4}, honest.leaves.at(Indices{4}).all(), proof, sample.setup.key(), options),
        "root digest", sample.name);
  }
}

// Stopped by: "root digest" or "tree" for a public part with another n, arity or kind of leaf.
TEST(Attack, AChangedPublicPart) {
  for (const auto& [sample, aggregated] : all_forms()) {
    const Honest honest(sample, LeafKind::kU64, 30);
    const Proof proof = honest.prove({4}, aggregated);
    std::vector<Root> changed(3, honest.tree.root());
    changed[0].count = 29;
    changed[1].count = 10000;
    changed[2].config.leaf = LeafKind::kI64;
    for (const Root& root : changed) {
      const SomeLeaves value = SomeLeaves(root.config.leaf, 30).at(Indices{4});
      expect_rejected(verify(root, Indices{4}, value.all(), proof, sample.setup.key()), "tree", sample.name);
      VerifyOptions options;
      options.root_digest = honest.tree.root().digest();
      expect_rejected(verify(root, Indices{4}, value.all(), proof, sample.setup.key(), options),
                      "root digest", sample.name);
    }
    Root other = honest.tree.root();
    other.config.arities[0] *= 2;
    expect_rejected(verify(other, Indices{4}, honest.leaves.at(Indices{4}).all(), proof, sample.setup.key()),
                    sample.setup.kind() == Kind::kMerkle ? "tree" : "setup", sample.name);
  }
}

// The digest that was expected may be the one that is there, and a rejection claims no check.
TEST(Attack, TheDigestThatWasExpected) {
  for (const auto& [sample, aggregated] : all_forms()) {
    const Honest honest(sample, LeafKind::kU64, 30);
    const Proof proof = honest.prove({4}, aggregated);
    const SomeLeaves value = honest.leaves.at(Indices{4});
    const auto of_note = testing::Contains(testing::HasSubstr("no digest was expected"));
    VerifyOptions options;
    const Verdict unbound = honest.verify({4}, value, proof, options);
    EXPECT_TRUE(unbound.ok()) << sample.name;
    EXPECT_THAT(unbound.notes(), of_note) << sample.name;
    options.root_digest = honest.tree.root().digest();
    const Verdict bound = honest.verify({4}, value, proof, options);
    EXPECT_TRUE(bound.ok()) << sample.name << ": " << bound.reason();
    EXPECT_THAT(bound.notes(), testing::Not(of_note)) << sample.name;
    EXPECT_EQ(bound.checks().size(), 1U) << sample.name;
    const Verdict rejected = honest.verify({5}, value, proof, options);
    EXPECT_EQ(rejected.outcome(), Outcome::kRejected) << sample.name;
    EXPECT_TRUE(rejected.checks().empty()) << sample.name;
    EXPECT_EQ(rejected.figure("leaves shown"), nullptr) << sample.name;
  }
}

// Stopped by: "index", "values".
TEST(Attack, IndicesAndValuesThatAreNone) {
  for (const auto& [sample, aggregated] : all_forms()) {
    const Honest honest(sample, LeafKind::kU64, 30);
    const Proof proof = honest.prove({28, 29}, aggregated);
    const SomeLeaves two = honest.leaves.at(Indices{28, 29});
    // A child that is not there is 0, and no leaf.
    for (const Indices& indices : {Indices{29, 30}, {30, 31}, {29, 28}, {28, 28}, {28, ~std::uint64_t{0}}})
      expect_rejected(honest.verify(indices, two, proof), "index", sample.name);
    expect_rejected(honest.verify({}, SomeLeaves(LeafKind::kU64, 0), proof), "index", sample.name);
    expect_rejected(honest.verify({28, 29}, honest.leaves.at(Indices{28}), proof), "values", sample.name);
    expect_rejected(honest.verify({28, 29}, SomeLeaves(LeafKind::kI64, 2), proof), "values", sample.name);
    const Honest field(sample, LeafKind::kField, 3);
    const std::vector<Scalar> too_large{Scalar{kScalarModulus}};
    expect_rejected(
        verify(field.tree.root(), Indices{0}, too_large, field.prove({0}, aggregated), sample.setup.key()),
        "values", sample.name);
  }
}

// Stopped by: "index". A child that is not there is 0, so the tree with one more leaf, which is 0, has the
// same root value, and its proof holds but for n.
TEST(Attack, AnAbsentChildAsALeafOfZero) {
  for (const auto& [sample, aggregated] : all_forms()) {
    if (sample.setup.kind() == Kind::kMerkle) continue;
    const std::vector<std::uint64_t> leaves{5, 6, 7}, more{5, 6, 7, 0};
    const Config config = sample.config(LeafKind::kU64);
    const Tree tree = Tree::build(sample.setup, config, leaves).value();
    const Tree longer = Tree::build(sample.setup, config, more).value();
    ASSERT_EQ(tree.root().value, longer.root().value);
    Proof proof = longer.prove(Indices{3}, aggregated).value();
    const std::vector<std::uint64_t> zero{0};
    EXPECT_TRUE(verify(longer.root(), Indices{3}, zero, proof, sample.setup.key()).ok());
    if (aggregated) continue;  // its challenges are of the other public part
    proof.tree = tree.root().digest();
    expect_rejected(verify(tree.root(), Indices{3}, zero, proof, sample.setup.key()), "index", sample.name);
  }
}

// Stopped by: "setup", which says that the verifier has to bring a key.
TEST(Attack, NoKeyOfTheVerifier) {
  for (const auto& [sample, aggregated] : all_forms()) {
    if (sample.setup.kind() == Kind::kMerkle) continue;
    const Honest honest(sample, LeafKind::kU64, 30);
    const SomeLeaves value = honest.leaves.at(Indices{4});
    const Verdict verdict =
        verify(honest.tree.root(), Indices{4}, value.all(), honest.prove({4}, aggregated), Key::merkle());
    expect_rejected(verdict, "setup", sample.name);
    EXPECT_THAT(verdict.reason(), testing::HasSubstr("and none was given")) << sample.name;
  }
}

// Stopped by: "proof form".
TEST(Attack, AProofOfAnotherForm) {
  const Honest verkle(test::verkle_sample(2), LeafKind::kU64, 30),
      terkle(test::terkle_sample({2, 2}), LeafKind::kU64, 30),
      merkle(test::merkle_sample(2), LeafKind::kU64, 30);
  for (const Honest* honest : {&verkle, &terkle, &merkle})
    for (const Proof::Form form :
         {Proof::Form::kMerkle, Proof::Form::kVerkle, Proof::Form::kAggregated, Proof::Form::kTerkle}) {
      Proof proof = honest->prove({4});
      if (proof.form == form) continue;
      proof.form = form;
      // A plain proof said to be aggregated has another length; all others another form.
      const bool is_verkle = honest == &verkle && form == Proof::Form::kAggregated;
      expect_rejected(honest->verify({4}, proof), is_verkle ? "proof length" : "proof form");
    }
}

// Every byte of every form: what still decodes is rejected.
TEST(Attack, EveryFlippedByte) {
  for (const auto& [sample, aggregated] : all_forms()) {
    const Honest honest(sample, LeafKind::kU64, 10);
    const Indices indices{2, 9};
    const Bytes bytes = honest.prove(indices, aggregated).encode();
    std::map<std::string, int> steps;
    for (std::size_t i = 0; i < bytes.size(); ++i)
      for (const std::uint8_t bit : {std::uint8_t{0x01}, std::uint8_t{0x80}}) {
        Bytes flipped = bytes;
        flipped[i] = static_cast<std::uint8_t>(flipped[i] ^ bit);
        const Result<Proof> proof = Proof::decode(flipped, "proof");
        if (!proof.ok()) continue;
        const Verdict verdict = honest.verify(indices, *proof);
        EXPECT_EQ(verdict.outcome(), Outcome::kRejected) << sample.name << ", byte " << i;
        ++steps[verdict.step()];
      }
    EXPECT_GT(steps["tree"], 0) << sample.name;
    if (sample.setup.kind() != Kind::kMerkle) {
      EXPECT_GT(steps["proof points"], 0) << sample.name;
      EXPECT_GT(steps["opening equation"], 0) << sample.name;
    }
  }
}

// Every byte of the public part and of its digest.
TEST(Attack, EveryFlippedByteOfThePublicPart) {
  for (const auto& [sample, aggregated] : all_forms()) {
    const Honest honest(sample, LeafKind::kU64, 10);
    const Proof proof = honest.prove({2}, aggregated);
    const Bytes bytes = honest.tree.root().encode();
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      Bytes flipped = bytes;
      flipped[i] = static_cast<std::uint8_t>(flipped[i] ^ 1);
      const Result<Root> root = Root::decode(flipped, "root");
      if (!root.ok()) continue;
      const SomeLeaves value = honest.leaves.at(Indices{2});
      EXPECT_NE(root->digest(), honest.tree.root().digest());
      EXPECT_EQ(verify(*root, Indices{2}, value.all(), proof, sample.setup.key()).outcome(),
                Outcome::kRejected)
          << sample.name << ", byte " << i;
    }
  }
}

// A verifier without randomness does not guess.
TEST(Attack, NoRandomness) {
  World world = World::system();
  world.fill_random = [](std::span<std::uint8_t>) -> Status {
    return Error{ErrorCode::kIo, "random", "none"};
  };
  VerifyOptions options;
  options.world = &world;
  for (const Sample& sample : {test::verkle_sample(2), test::terkle_sample({2, 2})}) {
    const Honest honest(sample, LeafKind::kU64, 10);
    const Verdict verdict = honest.verify({2}, honest.leaves.at(Indices{2}), honest.prove({2}), options);
    EXPECT_EQ(verdict.outcome(), Outcome::kInconclusive);
    EXPECT_EQ(verdict.step(), "random weights");
  }
}

}  // namespace
}  // namespace assay::tree
