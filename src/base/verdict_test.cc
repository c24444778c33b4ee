#include "assay/verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "base/verdict_json.h"

namespace assay {
namespace {

using ::testing::ElementsAre;

TEST(Verdict, OnlyAcceptedIsOk) {
  EXPECT_TRUE(Verdict::accepted().ok());
  const Verdict rejected = Verdict::rejected("pairing", "does not hold");
  EXPECT_FALSE(rejected.ok());
  EXPECT_EQ(rejected.outcome(), Outcome::kRejected);
  EXPECT_EQ(rejected.step(), "pairing");
  EXPECT_EQ(rejected.reason(), "does not hold");
  EXPECT_EQ(rejected.item(), std::nullopt);
  EXPECT_FALSE(Verdict::inconclusive("sample", "too small").ok());
}

TEST(Verdict, NothingThatIsAddedChangesTheOutcome) {
  Verdict verdict = Verdict::accepted();
  verdict.add_note("unverified")
      .add_figure("distance", 0.25)
      .add_check("range", Grade::kMissing)
      .add_assumption("honest noise")
      .set_miss_bound(0.5)
      .add_part("inner", Verdict::rejected("pairing", "does not hold"));
  EXPECT_TRUE(verdict.ok());
  EXPECT_THAT(verdict.notes(), ElementsAre("unverified"));
  EXPECT_THAT(verdict.checks(), ElementsAre(Verdict::Check{"range", Grade::kMissing}));
  ASSERT_NE(verdict.figure("distance"), nullptr);
  EXPECT_EQ(*verdict.figure("distance"), (Figure{"distance", 0.25}));
  EXPECT_EQ(verdict.figure("limit"), nullptr);
  EXPECT_FALSE(verdict.parts().front().verdict.ok());
}

TEST(Figure, SaysItsUnitAndItsBound) {
  EXPECT_EQ((Figure{"n", std::uint64_t{12}}).to_string(), "12");
  EXPECT_EQ((Figure{"text", "layer_3[0]"}).to_string(), "layer_3[0]");
  EXPECT_EQ((Figure{"x", 31.25}).to_string(), "31.25");
  EXPECT_EQ((Figure{"x", 1.0 / 3, Bound{Bound::Kind::kAtMost, 38}}).to_string(), "0.3333 (at most 38)");
  EXPECT_EQ((Figure{"x", 2.0, Bound{Bound::Kind::kAtLeast, 0.5}, "bits"}).to_string(),
            "2 bits (at least 0.5)");
}

TEST(Verdict, ReadsAsLines) {
  Verdict verdict = Verdict::rejected("opening equation", "does not hold").at_item(3);
  verdict.add_figure("proofs", std::uint64_t{12}).add_note("no challenge").add_assumption("SRS trust = dev");
  verdict.set_miss_bound(0.001);
  verdict.add_part("first", Verdict::accepted().add_note("inner"));
  EXPECT_THAT(to_lines(verdict),
              ElementsAre("rejected at step opening equation, item 3: does not hold", "  proofs: 12",
                          "  missed with probability at most: 0.001", "  assumed: SRS trust = dev",
                          "  note: no challenge", "  first: accepted", "    note: inner"));
  EXPECT_THAT(to_lines(Verdict::accepted()), ElementsAre("accepted"));
}

TEST(Verdict, IsOneJsonObject) {
  EXPECT_EQ(to_json(Verdict::accepted()),
            R"({"verdict":"accepted","step":null,"reason":null,"item":null,"checks":[],"figures":{},)"
            R"("assumptions":[],"miss_bound":null,"notes":[],"parts":[]})");
  Verdict verdict = Verdict::inconclusive("states", "not finite").at_item(0);
  verdict.add_check("axes", Grade::kBound)
      .add_figure({"mean", 1.5, Bound{Bound::Kind::kAtMost, 2}, "bits"})
      .add_figure("count", std::uint64_t{18446744073709551615U})
      .add_figure("place", "layer_0[1]")
      .add_figure("ratio", std::numeric_limits<double>::infinity())
      .set_miss_bound(0.25)
      .add_part("p", Verdict::rejected("s", "r"));
  EXPECT_EQ(
      to_json(verdict),
      R"({"verdict":"inconclusive","step":"states","reason":"not finite","item":0,)"
      R"("checks":[{"step":"axes","grade":"bound"}],)"
      R"("figures":{"mean":{"value":1.5,"at_most":2.0,"unit":"bits"},)"
      R"("count":{"value":18446744073709551615},"place":{"value":"layer_0[1]"},"ratio":{"value":null}},)"
      R"("assumptions":[],"miss_bound":0.25,"notes":[],)"
      R"("parts":[{"name":"p","verdict":"rejected","step":"s","reason":"r","item":null,"checks":[],)"
      R"("figures":{},"assumptions":[],"miss_bound":null,"notes":[],"parts":[]}]})");
}

TEST(Outcome, HasNamesAndExitCodes) {
  EXPECT_EQ(to_string(Outcome::kAccepted), "accepted");
  EXPECT_EQ(to_string(Outcome::kRejected), "rejected");
  EXPECT_EQ(to_string(Outcome::kInconclusive), "inconclusive");
  EXPECT_EQ(exit_code(Outcome::kAccepted), 0);
  EXPECT_EQ(exit_code(Outcome::kRejected), 1);
  EXPECT_EQ(exit_code(Outcome::kInconclusive), 3);
}

TEST(Grade, HasNames) {
  EXPECT_EQ(to_string(Grade::kBound), "bound");
  EXPECT_EQ(to_string(Grade::kRecomputed), "recomputed");
  EXPECT_EQ(to_string(Grade::kStatistical), "statistical");
  EXPECT_EQ(to_string(Grade::kSelfReported), "self-reported");
  EXPECT_EQ(to_string(Grade::kMissing), "missing");
}

}  // namespace
}  // namespace assay
