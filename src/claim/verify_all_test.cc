// Many claims at once: each has the verdict that it has alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "claim/test_support.h"

namespace assay::claim {
namespace {

using test::Sample;

std::vector<Claim> claims_of(const std::vector<Sample>& samples, const std::vector<Proofs>& proofs) {
  std::vector<Claim> claims;
  for (std::size_t i = 0; i < samples.size(); ++i) claims.push_back({&samples[i].commitment, &proofs[i], {}});
  return claims;
}

struct Batch {
  std::vector<Sample> samples;
  std::vector<Proofs> proofs;

  explicit Batch(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::vector<tensor::IntegerTensor> layers{
          test::layer_of("array", {3, 4}, static_cast<std::int16_t>(i))};
      samples.push_back(test::make_sample("one", encode::plan_flat(encode::shapes_of(layers)).value(), {},
                                          std::nullopt, layers, {0, i % 11 + 1}));
      const Query slice = Query::of_parts({{1}, {0, 2}}, samples[i].srs.axes());
      proofs.push_back(
          i % 3 == 2
              ? prove(samples[i].srs, samples[i].commitment, samples[i].values.view(), {&slice, 1}).value()
              : samples[i].proofs);
    }
  }
};

TEST(VerifyAll, SaysOfEachWhatVerifySays) {
  Batch batch(12);
  const TensorChecker checker(batch.samples[0].srs);
  const auto spoil_value = [](std::vector<Proof>& list) { list[1].answer.value += Fr::one(); };
  batch.proofs[1] = test::edited(batch.proofs[1], spoil_value);
  batch.proofs[6] =
      test::edited(batch.proofs[6], [](std::vector<Proof>& list) { list[0].answer.evidence[31] |= 0xc0; });
  batch.proofs[7] =
      test::edited(batch.proofs[7], [](std::vector<Proof>& list) { list[0].answer.evidence.pop_back(); });
  batch.proofs[9] = batch.proofs[10];  // of another commitment
  batch.proofs[8] = test::edited(batch.proofs[8], [&](std::vector<Proof>& list) {
    list[0].answer.values =
        pack_values(IntegerView(std::vector<std::int64_t>(batch.proofs[8].value_count(0), 99)));
  });
  batch.samples[4].commitment.value.fill(0xff);
  batch.proofs[4].commitment_digest = batch.samples[4].commitment.digest();
  batch.proofs[11] = Proofs(batch.samples[11].commitment.digest(), 2);
  const std::vector<Claim> claims = claims_of(batch.samples, batch.proofs);
  const std::vector<Verification> found = verify_all(claims, checker);
  ASSERT_EQ(found.size(), claims.size());
  std::map<std::size_t, std::string> steps;
  for (std::size_t i = 0; i < claims.size(); ++i) {
    const Verification alone = verify(batch.samples[i].commitment, batch.proofs[i], checker);
    EXPECT_EQ(to_json(found[i].verdict), to_json(alone.verdict)) << i;
    EXPECT_EQ(found[i].false_proofs, alone.false_proofs) << i;
    if (!found[i].verdict.ok()) steps[i] = found[i].verdict.step();
  }
  EXPECT_EQ(steps, (std::map<std::size_t, std::string>{{1, "opening equation"},
                                                       {4, "commitment value"},
                                                       {6, "proof points"},
                                                       {7, "proof shape"},
                                                       {8, "opening equation"},
                                                       {9, "commitment digest"},
                                                       {11, "no proofs"}}));
}

TEST(VerifyAll, NamesEveryBadOneOfMany) {
  Batch batch(40);
  const TensorChecker checker(batch.samples[0].srs);
  EXPECT_TRUE(std::ranges::all_of(verify_all(claims_of(batch.samples, batch.proofs), checker),
                                  [](const Verification& one) { return one.verdict.ok(); }));
  std::vector<std::size_t> bad;
  for (std::size_t i = 0; i < 40; ++i)
    if (i % 3 != 2 && i % 2 == 0) {
      bad.push_back(i);
      batch.proofs[i] =
          test::edited(batch.proofs[i], [](std::vector<Proof>& list) { list[0].answer.value += Fr::one(); });
    }
  // More than a search looks for at a time.
  batch.proofs[39] =
      test::edited(batch.proofs[39], [](std::vector<Proof>& list) { list[1].answer.value += Fr::one(); });
  bad.push_back(39);
  std::vector<std::size_t> named;
  const std::vector<Verification> found = verify_all(claims_of(batch.samples, batch.proofs), checker);
  for (std::size_t i = 0; i < found.size(); ++i)
    if (!found[i].verdict.ok()) named.push_back(i);
  EXPECT_EQ(named, bad);
  EXPECT_EQ(found[39].verdict.item(), 1u);
}

// Of a claim that fell before, nothing is known of what its evidence would be worked out from.
TEST(VerifyAll, EvidenceIsLookedAtOnlyWhereAllBeforeItHeld) {
  Batch batch(2);
  const TensorChecker checker(batch.samples[0].srs);
  int asked = 0;
  const World counting{[&asked](std::span<std::uint8_t> out) {
                         ++asked;
                         return World::system().fill_random(out);
                       },
                       World::system().unix_time};
  for (const Verification& one : verify_all(claims_of(batch.samples, batch.proofs), checker, counting))
    EXPECT_TRUE(one.verdict.ok());
  EXPECT_GT(asked, 0) << "weights of the sum";
  asked = 0;
  std::swap(batch.proofs[0], batch.proofs[1]);
  for (const Verification& one : verify_all(claims_of(batch.samples, batch.proofs), checker, counting))
    EXPECT_EQ(one.verdict.step(), "commitment digest");
  EXPECT_EQ(asked, 0);
}

TEST(VerifyAll, OneVerdictOfAllNamesTheFirstOfTheWorstOutcome) {
  const auto of_all = [](const std::vector<Verdict>& verdicts) {
    std::vector<Verification> found;
    for (const Verdict& one : verdicts) found.push_back(Verification{one, {}, {}});
    return verdict_of_all(found);
  };
  const Verdict good = Verdict::accepted(), unknown = Verdict::inconclusive("levels", "there are none"),
                bad = Verdict::rejected("root", "it is another");
  const Verdict none = of_all({});
  EXPECT_EQ(none.outcome(), Outcome::kInconclusive);
  EXPECT_EQ(none.step(), "no claims");
  const Verdict accepted = of_all({good, good});
  EXPECT_TRUE(accepted.ok());
  EXPECT_EQ(accepted.item(), std::nullopt);
  EXPECT_EQ(test::figure(accepted, "claims"), "2");
  const Verdict undecided = of_all({good, unknown});
  EXPECT_EQ(undecided.outcome(), Outcome::kInconclusive);
  EXPECT_EQ(undecided.step(), "levels");
  EXPECT_EQ(undecided.reason(), "there are none");
  EXPECT_EQ(undecided.item(), 1u);
  const Verdict rejected = of_all({good, unknown, bad, bad});
  EXPECT_EQ(rejected.outcome(), Outcome::kRejected);
  EXPECT_EQ(rejected.step(), "root");
  EXPECT_EQ(rejected.reason(), "it is another");
  EXPECT_EQ(rejected.item(), 2u);
  EXPECT_EQ(test::figure(rejected, "claims"), "4");
  EXPECT_EQ(test::figure(rejected, "rejected"), "2");
  EXPECT_EQ(test::figure(rejected, "inconclusive"), "1");
}

TEST(VerifyAll, WithoutRandomnessNothingIsAccepted) {
  const World silent{[](std::span<std::uint8_t>) -> Status {
                       return Error{ErrorCode::kIo, "random", "none"};
                     },
                     World::system().unix_time};
  const Batch batch(3);
  for (const Verification& one :
       verify_all(claims_of(batch.samples, batch.proofs), TensorChecker(batch.samples[0].srs), silent))
    EXPECT_EQ(one.verdict.step(), "random weights");
}

}  // namespace
}  // namespace assay::claim
