#include <algorithm>
#include <set>

#include "claim/test_support.h"

namespace assay::claim {
namespace {

using test::Sample;

TEST(Verify, SaysWhatItRestsOn) {
  const Sample sample = test::model_sample();
  const Verdict bare = test::verdict_of(sample.commitment, sample.proofs, sample.checker);
  ASSERT_TRUE(bare.ok());
  EXPECT_EQ(bare.notes().size(), 2U);
  EXPECT_TRUE(test::assumes(bare, "SRS unverified"));
  EXPECT_TRUE(test::has_note(bare, "commitment digest not compared with one agreed on before"));
  EXPECT_TRUE(test::has_note(bare, "points not from a challenge of the verifier"));
  EXPECT_EQ(test::figure(bare, "proofs"), "1");
  EXPECT_EQ(test::figure(bare, "padding positions"), "1");
  EXPECT_EQ(test::figure(bare, "commitment digest"), to_hex(sample.commitment.digest()));

  const Challenge challenge{sample.commitment.digest(), {Query::on_grid({1, 1, 2, 0})}};
  const Proofs proofs = prove(sample.srs, sample.commitment, sample.values.view(), challenge.queries).value();
  VerifyOptions options;
  ASSERT_TRUE(options.trusted.add(sample.checker.key().digest(), "made here").ok());
  options.expected_digest = sample.commitment.digest();
  options.challenge = &challenge;
  options.challenge_digest = challenge.digest();
  const Verdict bound = test::verdict_of(sample.commitment, proofs, sample.checker, options);
  ASSERT_TRUE(bound.ok()) << bound.reason();
  EXPECT_TRUE(bound.notes().empty());
  EXPECT_EQ(
      bound.assumptions(),
      std::vector<std::string>{"SRS trusted by the verifier's list as 'made here' (the file's own word: "
                               "dev, whoever made it can open to anything)"});
}

TEST(Verify, SaysThatNoDtypeBoundsTheValues) {
  const Sample sample = test::flat_sample();
  EXPECT_TRUE(
      test::has_note(test::verdict_of(sample.commitment, sample.proofs, sample.checker), "names no dtype"));
}

TEST(Verify, NotesComeWithRejectionsToo) {
  const Sample sample = test::flat_sample();
  VerifyOptions options;
  options.expected_digest = Digest{};
  const Verdict verdict = test::verdict_of(sample.commitment, sample.proofs, sample.checker, options);
  EXPECT_EQ(verdict.step(), "expected digest");
  EXPECT_TRUE(test::assumes(verdict, "SRS unverified"));
  EXPECT_EQ(test::figure(verdict, "proofs"), "2");
}

// Whoever relabels a dev SRS as one of a ceremony gets that word quoted as the file's, in either case.
TEST(Verify, LabelOfTheFileIsTheFilesWord) {
  pst::VerifierKey key = test::flat_sample().srs.verifier_key();
  TrustList trusted;
  ASSERT_TRUE(trusted.add(key.digest(), "ours").ok());
  const std::string listed = pst::Verifier(key).describe_srs(trusted);
  EXPECT_EQ(listed.find("SRS trusted by the verifier's list as 'ours' (the file's own word: dev, "), 0U);
  key.trust = pst::Trust::kCeremony;  // another digest
  key.contributors = 3;
  const std::string relabelled = pst::Verifier(key).describe_srs(trusted);
  EXPECT_EQ(relabelled.find("SRS unverified"), 0U);
  EXPECT_NE(relabelled.find("(the file's own word: ceremony(3), sound if one contributor at least "
                            "forgot their secret; transcript not seen)"),
            std::string::npos);
  ASSERT_TRUE(trusted.add(key.digest(), "other").ok());
  EXPECT_EQ(pst::Verifier(key).describe_srs(trusted).find(
                "SRS trusted by the verifier's list as 'other' (the file's own "
                "word: ceremony(3), sound if one contributor at least forgot their secret)"),
            0U);
}

TEST(Verify, RefusesAHeaderThatIsNone) {
  const Sample sample = test::flat_sample();
  Commitment invalid = sample.commitment;
  invalid.header.layout.real_count = 11;
  const Verdict verdict = test::verdict_of(invalid, sample.proofs, sample.checker);
  EXPECT_EQ(verdict.step(), "header");
}

// What another checker says, where it is not said otherwise.
class Forwarding : public Checker {
 public:
  explicit Forwarding(const Checker& tensor) : tensor_(tensor) {}
  [[nodiscard]] Scheme scheme() const override { return tensor_.scheme(); }
  [[nodiscard]] std::string assumption(const TrustList& trusted) const override {
    return tensor_.assumption(trusted);
  }
  [[nodiscard]] Verdict check_setup(const Header& header) const override {
    return tensor_.check_setup(header);
  }
  [[nodiscard]] Verdict check_parameters() const override { return tensor_.check_parameters(); }
  [[nodiscard]] std::optional<Digest> setup_digest() const override { return tensor_.setup_digest(); }
  [[nodiscard]] std::vector<Evidence> check_all_evidence(std::span<const Claimed> claims, std::size_t most,
                                                         const World& world) const override {
    return tensor_.check_all_evidence(claims, most, world);
  }

 private:
  const Checker& tensor_;
};

// Parameters for another scheme than the header's.
class OtherScheme final : public Forwarding {
 public:
  using Forwarding::Forwarding;
  [[nodiscard]] Scheme scheme() const override { return Scheme::kMerkle; }
};

TEST(Verify, RefusesAnotherScheme) {
  const Sample sample = test::flat_sample();
  const Verdict verdict = verify(sample.commitment, sample.proofs, OtherScheme(sample.checker)).verdict;
  EXPECT_EQ(verdict.step(), "scheme");
  EXPECT_EQ(verdict.reason(), "the commitment's is tensor, the verifier's parameters are for merkle");
}

// Its item is of its own counting.
class OtherItem final : public Forwarding {
 public:
  OtherItem(const Checker& tensor, std::uint64_t item) : Forwarding(tensor), item_(item) {}
  [[nodiscard]] Verdict check_setup(const Header& /*header*/) const override {
    return Verdict::rejected("level", "is another").at_item(item_);
  }

 private:
  std::uint64_t item_;
};

TEST(Verify, AnItemThatIsNoProofHasNoPoint) {
  const Sample sample = test::flat_sample();
  const auto point_of = [&](std::uint64_t item) {
    const Verdict verdict = verify(sample.commitment, sample.proofs, OtherItem(sample.checker, item)).verdict;
    EXPECT_EQ(verdict.step(), "level");
    EXPECT_EQ(verdict.item(), item);
    return test::figure(verdict, "point");
  };
  EXPECT_EQ(point_of(1), "1,3");
  EXPECT_EQ(point_of(2), "(none)");
  EXPECT_EQ(point_of(1000), "(none)");
}

// Proofs of another number of axes are told only where the parameters are the right ones.
TEST(Verify, AsksForTheSetupBeforeTheAxesOfTheProofs) {
  const Sample sample = test::flat_sample();
  Proofs proofs(sample.commitment.digest(), 3);
  proofs.add(Query::on_grid({0, 0, 0}), sample.proofs[0].answer);
  EXPECT_EQ(test::verdict_of(sample.commitment, proofs, sample.checker).step(), "axes");
  const TensorChecker other(pst::Srs::dev(sample.srs.axes(), 8).value().verifier_key());
  EXPECT_EQ(test::verdict_of(sample.commitment, proofs, other).step(), "SRS digest");
}

TEST(Verify, RefusesEvidenceOfAnotherShape) {
  const Sample sample = test::flat_sample();
  const auto step_with = [&](std::size_t bytes) {
    const Proofs proofs =
        test::edited(sample.proofs, [&](auto& list) { list[1].answer.evidence.resize(bytes); });
    const Verdict verdict = test::verdict_of(sample.commitment, proofs, sample.checker);
    EXPECT_EQ(verdict.item(), 1U);
    EXPECT_EQ(test::figure(verdict, "point"), "1,3");
    return verdict.step();
  };
  for (const std::size_t bytes : {0, 1, 32, 63, 65, 96}) EXPECT_EQ(step_with(bytes), "proof shape") << bytes;
}

TEST(Verify, RefusesEvidenceThatIsNoPoint) {
  const Sample sample = test::flat_sample();
  const Proofs proofs = test::edited(sample.proofs, [](auto& list) { list[1].answer.evidence[63] = 0x3f; });
  const Verdict verdict = test::verdict_of(sample.commitment, proofs, sample.checker);
  EXPECT_EQ(verdict.step(), "proof points");
  EXPECT_EQ(verdict.item(), 1U);
  EXPECT_EQ(verdict.reason().find("proof point 1: "), 0U) << verdict.reason();
}

TEST(Verify, RefusesACommitmentThatIsNoPoint) {
  const Sample sample = test::flat_sample();
  Commitment forged = sample.commitment;
  forged.value.fill(0x3f);
  Proofs renamed = sample.proofs;
  renamed.commitment_digest = forged.digest();
  EXPECT_EQ(test::verdict_of(forged, renamed, sample.checker).step(), "commitment value");
}

TEST(Verify, RefusesAPointOffTheGridTwice) {
  const Sample sample = test::flat_sample();
  const std::vector<Query> queries{{{}, {Fr::from_u64(9), Fr::zero()}, {}}};
  Proofs proofs = prove(sample.srs, sample.commitment, sample.values.view(), queries).value();
  EXPECT_TRUE(test::verdict_of(sample.commitment, proofs, sample.checker).ok());
  const Proof other = sample.proofs[0];
  proofs.add(other.query, other.answer);
  EXPECT_TRUE(test::verdict_of(sample.commitment, proofs, sample.checker).ok());
  const Proof again = proofs[0];
  proofs.add(again.query, again.answer);
  EXPECT_EQ(test::verdict_of(sample.commitment, proofs, sample.checker).item(), 2U);
}

TEST(Verify, NamesEveryProofThatDoesNotHold) {
  const Sample sample = test::model_sample();
  std::vector<Query> queries;
  for (std::uint64_t i = 0; i < 72; ++i)
    queries.push_back(Query::on_grid(sample.srs.axes().coordinates_of(i)));
  const Proofs honest = prove(sample.srs, sample.commitment, sample.values.view(), queries).value();
  EXPECT_TRUE(verify(sample.commitment, honest, sample.checker).false_proofs.empty());
  for (const std::vector<std::size_t>& bad :
       {std::vector<std::size_t>{0}, {70}, {3, 4, 40}, {0, 34, 36, 70}}) {
    const Proofs proofs = test::edited(honest, [&](auto& list) {
      for (const std::size_t k : bad) std::swap(list[k].answer.value, list[(k + 9) % 72].answer.value);
      for (const std::size_t k : bad) list[(k + 9) % 72].answer = honest[(k + 9) % 72].answer;
    });
    const Verification found = verify(sample.commitment, proofs, sample.checker);
    EXPECT_EQ(found.verdict.step(), "opening equation");
    EXPECT_EQ(found.verdict.item(), bad.front());
    EXPECT_EQ(found.false_proofs, bad);
    if (bad.size() > 1) {
      EXPECT_EQ(test::figure(found.verdict, "false proofs"), std::to_string(bad.size()));
    } else {
      EXPECT_EQ(found.verdict.figure("false proofs"), nullptr);
    }
    for (std::size_t k = 0; k < 72; ++k)
      EXPECT_EQ(found.verified(k), std::ranges::find(bad, k) == bad.end()) << k;
  }
}

// A search ends at so many, and says of those behind it nothing.
TEST(Verify, NamesSoManyProofsThatDoNotHold) {
  const Sample sample = test::model_sample();
  std::vector<Query> queries;
  for (std::uint64_t i = 0; i < 72; ++i)
    queries.push_back(Query::on_grid(sample.srs.axes().coordinates_of(i)));
  const Proofs honest = prove(sample.srs, sample.commitment, sample.values.view(), queries).value();
  const auto found_of = [&](std::size_t bad) {
    const Proofs proofs = test::edited(honest, [&](auto& list) {
      for (std::size_t k = 0; k < bad; ++k) list[3 * k].answer = honest[3 * k + 1].answer;
    });
    return verify(sample.commitment, proofs, sample.checker);
  };
  constexpr std::size_t kMost = Verification::kMaxFalse;
  const Verification less = found_of(kMost - 1);
  EXPECT_EQ(test::figure(less.verdict, "false proofs"), "15");
  EXPECT_EQ(less.verified(71), true);
  for (const std::size_t bad : {kMost, kMost + 4}) {
    const Verification found = found_of(bad);
    EXPECT_EQ(found.false_proofs.size(), kMost);
    EXPECT_EQ(test::figure(found.verdict, "false proofs"), "16 at least");
    EXPECT_EQ(found.verified(3 * kMost - 3), false);
    EXPECT_EQ(found.verified(3 * kMost - 4), true);
    EXPECT_EQ(found.verified(3 * kMost - 2), std::nullopt);
  }
}

// Evidence is summed up in blocks of 4,096 proofs. What is left of a block without the proofs of a claim of
// which enough is known may hold, or be nothing.
TEST(Verify, EndsWhereEnoughIsKnownOfAClaimBeforeItsLastFalseProof) {
  const std::vector<tensor::IntegerTensor> line{
      {"x", {4}, tensor::IntegerArray::own(std::vector<std::int16_t>{0, 1, 2, 3}), ""}};
  const Sample sample = test::make_sample("line", encode::plan_flat(encode::shapes_of(line)).value(), {},
                                          std::nullopt, line, {0});
  ASSERT_EQ(sample.srs.axes().count(), 1U);
  // The quotient of p(x) = x is 1 everywhere, so that all points have one proof.
  const ByteSpan encoded = sample.proofs.evidence(0);
  const auto proofs_of = [&](std::size_t count, const std::set<std::size_t>& bad) {
    Proofs proofs(sample.commitment.digest(), 1);
    for (std::size_t i = 0; i < count; ++i) {
      const Fr z = Fr::from_u64(100 + i);
      proofs.add(Query::anywhere({z}, sample.srs.axes()),
                 {bad.contains(i) ? z + Fr::one() : z, Bytes(encoded.begin(), encoded.end()), {}});
    }
    return proofs;
  };
  std::set<std::size_t> bad{5000, 8000};
  for (std::size_t i = 0; i < Verification::kMaxFalse; ++i) bad.insert(2 * i);
  const Proofs honest = proofs_of(20, {});
  ASSERT_TRUE(verify(sample.commitment, honest, sample.checker).verdict.ok());
  const Proofs many = proofs_of(8200, bad);
  const Verification found = verify(sample.commitment, many, sample.checker);
  EXPECT_EQ(found.verdict.step(), "opening equation");
  EXPECT_EQ(found.false_proofs.size(), Verification::kMaxFalse);
  // Behind it, in its last block, another claim: an honest one, and one that is not.
  for (const std::set<std::size_t>& its : {std::set<std::size_t>{}, {7}}) {
    const Proofs other = proofs_of(20, its);
    const std::vector<Claim> claims{{&sample.commitment, &many, {}}, {&sample.commitment, &other, {}}};
    const std::vector<Verification> all = verify_all(claims, sample.checker);
    EXPECT_EQ(all[0].verdict.step(), "opening equation");
    EXPECT_EQ(all[1].verdict.ok(), its.empty());
    EXPECT_EQ(all[1].false_proofs, std::vector<std::size_t>(its.begin(), its.end()));
  }
}

TEST(Verify, GradesWhatItAsked) {
  const Sample sample = test::model_sample();
  const auto grades = [](const Verdict& verdict) {
    std::vector<std::string> texts;
    for (const Verdict::Check& check : verdict.checks())
      texts.push_back(check.step + ": " + std::string(to_string(check.grade)));
    return texts;
  };
  const std::vector<std::string> bare =
      grades(test::verdict_of(sample.commitment, sample.proofs, sample.checker));
  EXPECT_EQ(bare, (std::vector<std::string>{"proofs: bound", "header: self-reported", "expectation: missing",
                                            "scheme: bound", "setup: bound", "commitment digest: bound",
                                            "expected digest: missing", "challenge: missing",
                                            "proof shape: bound", "value range: bound", "padding: bound",
                                            "points: missing", "captured tensor: missing", "evidence: bound",
                                            "captured values: missing", "encoding: missing"}));
  VerifyOptions options;
  const Challenge challenge{sample.commitment.digest(), {Query::on_grid({1, 1, 2, 0})}};
  const Proofs proofs = prove(sample.srs, sample.commitment, sample.values.view(), challenge.queries).value();
  const Captured captured{sample.values, {}};
  options.expected_digest = Digest{};
  options.expected.dtype = tensor::Dtype::kBF16;
  options.challenge = &challenge;
  EXPECT_EQ(grades(test::verdict_of(sample.commitment, proofs, sample.checker, options)),
            (std::vector<std::string>{"proofs: bound", "header: self-reported", "expectation: bound",
                                      "scheme: bound", "setup: bound", "commitment digest: bound"}));
  options.expected_digest = sample.commitment.digest();
  options.captured = &captured;
  options.at_least = 1;
  const std::vector<std::string> full =
      grades(test::verdict_of(sample.commitment, proofs, sample.checker, options));
  EXPECT_EQ(full[6], "expected digest: bound");
  EXPECT_EQ(full[11], "points: bound");
  EXPECT_EQ(full[12], "captured tensor: recomputed");
  EXPECT_EQ(full[14], "captured values: recomputed");
  EXPECT_EQ(full[15], "encoding: bound");
}

TEST(Verify, TakesItsRandomnessFromTheWorld) {
  const Sample sample = test::flat_sample();
  int asked = 0;
  World fixed{[&asked](std::span<std::uint8_t> out) {
                ++asked;
                std::ranges::fill(out, std::uint8_t{7});
                return Status{};
              },
              [] { return std::int64_t{0}; }};
  VerifyOptions options;
  options.world = &fixed;
  EXPECT_TRUE(test::verdict_of(sample.commitment, sample.proofs, sample.checker, options).ok());
  EXPECT_EQ(asked, 1);
  const World broken{[](std::span<std::uint8_t>) -> Status {
                       return Error{ErrorCode::kIo, "world", "is broken"};
                     },
                     fixed.unix_time};
  options.world = &broken;
  const Verdict verdict = test::verdict_of(sample.commitment, sample.proofs, sample.checker, options);
  EXPECT_EQ(verdict.outcome(), Outcome::kInconclusive);
  EXPECT_EQ(verdict.step(), "random weights");
  EXPECT_EQ(Challenge::draw(sample.commitment, 3, fixed)->queries,
            Challenge::draw(sample.commitment, 3, fixed)->queries);
  EXPECT_EQ(Challenge::draw(sample.commitment, 3, broken).error().code, ErrorCode::kIo);
}

TEST(Verify, CountsValuesAndNoPadding) {
  const Sample sample = test::model_sample();
  const std::vector<Query> queries{Query::on_grid({0, 0, 0, 0}), Query::on_grid({0, 0, 5, 2}),
                                   Query::anywhere(std::vector<Fr>(4, Fr::from_i64(-3)), sample.srs.axes())};
  const Proofs proofs = prove(sample.srs, sample.commitment, sample.values.view(), queries).value();
  VerifyOptions options;
  options.at_least = 1;
  EXPECT_TRUE(test::verdict_of(sample.commitment, proofs, sample.checker, options).ok());
  options.at_least = 2;
  const Verdict verdict = test::verdict_of(sample.commitment, proofs, sample.checker, options);
  EXPECT_EQ(verdict.outcome(), Outcome::kInconclusive);
  EXPECT_EQ(verdict.step(), "points");
  EXPECT_EQ(verdict.reason(), "1 values are opened, 2 at least are asked for");
}

// The repeated values of a cube are values of the encoding, and no zeros are asked of them.
TEST(Verify, TakesThePaddingOfACube) {
  const Sample sample = test::cube_sample();
  const Verdict verdict = test::verdict_of(sample.commitment, sample.proofs, sample.checker);
  EXPECT_TRUE(verdict.ok());
  EXPECT_EQ(test::figure(verdict, "padding positions"), "1");
  EXPECT_NE(sample.proofs.value(0), Fr::zero());
}

/// The verdict with these values beside the proofs.
Verification compare(const Sample& sample, const Proofs& proofs, const IntegerView& captured) {
  const Captured own{tensor::IntegerArray::borrow(captured, nullptr), {}};
  VerifyOptions options;
  options.captured = &own;
  return verify(sample.commitment, proofs, sample.checker, options);
}

TEST(VerifyCaptured, ComparesWithWhatWasCaptured) {
  const Sample sample = test::model_sample();
  const Verification same = compare(sample, sample.proofs, sample.values.view());
  EXPECT_TRUE(same.verdict.ok());
  EXPECT_EQ(test::figure(same.verdict, "compared"), "1");
  EXPECT_EQ(same.matches, std::vector<std::optional<bool>>{true});

  std::vector<std::int64_t> others;
  for (std::size_t i = 0; i < sample.values.size(); ++i) others.push_back(i == 39 ? -7 : 0);
  // Index 39: layer 1, token 0, entry 3; and a position of padding, which is 0 in both.
  const std::vector<Query> queries{Query::on_grid({1, 0, 1, 0}), Query::on_grid({0, 0, 5, 2})};
  const Proofs proofs = prove(sample.srs, sample.commitment, sample.values.view(), queries).value();
  const Verification differs = compare(sample, proofs, others);
  EXPECT_EQ(differs.verdict.step(), "captured values");
  EXPECT_EQ(differs.verdict.item(), 0U);
  EXPECT_EQ(test::figure(differs.verdict, "place"), "layer_1[0, 0, 3]");
  EXPECT_EQ(test::figure(differs.verdict, "point"), "1,0,1,0");
  EXPECT_EQ(test::figure(differs.verdict, "opened"), "-16889");
  EXPECT_EQ(test::figure(differs.verdict, "captured"), "-7");
  EXPECT_EQ(differs.matches, (std::vector<std::optional<bool>>{false, true}));
  EXPECT_EQ(differs.verified(0), true);
}

TEST(VerifyCaptured, NamesTheFirstThatDiffers) {
  const Sample sample = test::model_sample();
  const std::vector<Query> queries{Query::on_grid({0, 0, 5, 2}), Query::on_grid({1, 0, 1, 0}),
                                   Query::on_grid({1, 0, 1, 1})};
  const Proofs proofs = prove(sample.srs, sample.commitment, sample.values.view(), queries).value();
  const std::vector<std::int64_t> zeros(sample.values.size(), 0);
  const Verification found = compare(sample, proofs, zeros);
  EXPECT_EQ(found.verdict.item(), 1U);
  EXPECT_EQ(found.matches, (std::vector<std::optional<bool>>{true, false, false}));
}

TEST(VerifyCaptured, InterpolatesOffTheGrid) {
  for (const auto make : {test::flat_sample, test::cube_sample, test::model_sample}) {
    const Sample sample = make();
    std::vector<Fr> coordinates;
    for (std::size_t i = 0; i < sample.srs.axes().count(); ++i)
      coordinates.push_back(i == 1 ? Fr::one() : Fr::from_i64(-3 - static_cast<std::int64_t>(i)));
    const std::vector<Query> queries{Query::anywhere(coordinates, sample.srs.axes())};
    const Proofs proofs = prove(sample.srs, sample.commitment, sample.values.view(), queries).value();
    EXPECT_TRUE(compare(sample, proofs, sample.values.view()).verdict.ok()) << sample.name;
    const std::vector<Fr> coefficients = pst::interpolate(sample.srs.axes(), sample.values.view()).value();
    EXPECT_EQ(proofs.value(0), pst::evaluate(sample.srs.axes(), coefficients, coordinates).value());
    std::vector<Scalar> others;
    for (std::size_t i = 0; i < sample.values.size(); ++i) others.push_back(sample.values.view()[i]);
    std::size_t changed = 0;  // where the second coordinate is 1, as it is in the point
    while (sample.srs.axes().coordinates_of(changed)[1] != 1) ++changed;
    others[changed] = Scalar::from_u64(12345);
    const Verdict verdict = compare(sample, proofs, others).verdict;
    EXPECT_EQ(verdict.step(), "captured values");
    EXPECT_EQ(test::figure(verdict, "place"), "off the grid");
  }
}

// The point off the grid depends on row 1 alone, where all values agree.
TEST(VerifyCaptured, ADifferenceOnTheGridIsToldWhateverLiesOffIt) {
  const Sample sample = test::flat_sample();
  const std::vector<Query> queries{Query::anywhere({Fr::one(), Fr::from_i64(-4)}, sample.srs.axes()),
                                   Query::on_grid({0, 0})};
  const Proofs proofs = prove(sample.srs, sample.commitment, sample.values.view(), queries).value();
  std::vector<Scalar> others;
  for (std::size_t i = 0; i < sample.values.size(); ++i) others.push_back(sample.values.view()[i]);
  others[0] = Scalar::from_u64(6);
  const Verification found = compare(sample, proofs, others);
  EXPECT_EQ(found.verdict.outcome(), Outcome::kRejected);
  EXPECT_EQ(found.verdict.step(), "captured values");
  EXPECT_EQ(found.verdict.reason(), "the opened value is not the captured one");
  EXPECT_EQ(found.verdict.item(), 1U);
  EXPECT_EQ(test::figure(found.verdict, "place"), "array[0, 0]");
  EXPECT_EQ(found.matches, (std::vector<std::optional<bool>>{std::nullopt, false}));
}

// A false opening is told before a value that differs, and a tensor that does not belong before either.
TEST(VerifyCaptured, AsksInOneOrder) {
  const Sample sample = test::flat_sample();
  const IntegerView values = sample.values.view();
  EXPECT_EQ(compare(sample, sample.proofs, values.subview(0, 11)).verdict.step(), "captured tensor");
  const Proofs forged = test::edited(sample.proofs, [](auto& list) { list[0].answer.value += Fr::one(); });
  EXPECT_EQ(compare(sample, forged, values).verdict.step(), "opening equation");
  EXPECT_EQ(compare(sample, forged, values.subview(0, 11)).verdict.step(), "captured tensor");
  const Captured other{sample.values, "it is of another layer"};
  VerifyOptions options;
  options.captured = &other;
  const Verdict verdict = test::verdict_of(sample.commitment, sample.proofs, sample.checker, options);
  EXPECT_EQ(verdict.step(), "captured tensor");
  EXPECT_EQ(verdict.reason(), "it is of another layer");
}

}  // namespace
}  // namespace assay::claim
