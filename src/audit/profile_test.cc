#include "assay/audit_profile.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "assay/audit_measure.h"
#include "audit/test_support.h"
#include "base/sha256.h"

namespace assay::audit {
namespace {

Profile filled() {
  Profile profile;
  profile.name = "mine";
  profile.conditions = {"a/model", "bfloat16", "sdpa"};
  profile.false_alarm_bound = 0.25;
  profile.honest_runs = 10;
  profile.device = "cuda";
  profile.variance_factor = 1.5;
  profile.differing_share = 0.0125;
  profile.attention_error = 0.006;
  return profile;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

ErrorCode code_with(const std::string& from, const std::string& to) {
  return Profile::from_json(replaced(filled().to_json(), from, to), "f").error().code;
}

TEST(AuditProfile, HasOneText) {
  const std::string text = filled().to_json();
  EXPECT_EQ(text, R"({
  "format": "assay/audit/profile/v1",
  "name": "mine",
  "model": "a/model",
  "dtype": "bfloat16",
  "device": "cuda",
  "kernel": "sdpa",
  "variance_factor": 1.5,
  "differing_share": 0.0125,
  "attention_error": 0.006,
  "false_alarm_bound": 0.25,
  "honest_runs": 10
}
)");
  const Profile read = Profile::from_json(text, "f").value();
  EXPECT_EQ(read.to_json(), text);
  EXPECT_EQ(read.title(), "mine (f, SHA-256 " + to_hex(Sha256().update(text).digest()) + ")");
  Profile unmeasured = filled();
  unmeasured.false_alarm_bound.reset();
  EXPECT_EQ(Profile::from_json(unmeasured.to_json(), "").value().false_alarm_bound, std::nullopt);
  EXPECT_EQ(code_with("1.5", "1.50"), ErrorCode::kNonCanonical);
  EXPECT_EQ(code_with("}\n", "}"), ErrorCode::kNonCanonical);
  for (std::size_t size = 0; size < text.size(); ++size)
    EXPECT_FALSE(Profile::from_json(text.substr(0, size), "f").ok()) << size;
}

TEST(AuditProfile, IsAFile) {
  const tensor::TempDir directory;
  ASSERT_TRUE(filled().write(directory / "profile").ok());
  EXPECT_EQ(Profile::read(directory / "profile").value().to_json(), filled().to_json());
  EXPECT_EQ(Profile::read(directory / "none").error().code, ErrorCode::kIo);
  Profile longest = filled();
  longest.device = std::string(Profile::kMaxText, 'x');
  EXPECT_TRUE(longest.validate().ok());
  Profile bad = filled();
  bad.variance_factor = 0;
  EXPECT_EQ(bad.write(directory / "bad").error().code, ErrorCode::kOutOfRange);
}

TEST(AuditProfile, RefusesWhatIsNotOne) {
  EXPECT_EQ(code_with("profile/v1", "profile/v2"), ErrorCode::kUnsupported);
  EXPECT_EQ(code_with("\"honest_runs\": 10", "\"honest_runs\": -10"), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_with("\"honest_runs\": 10", "\"honest_runs\": 10, \"more\": 1"), ErrorCode::kMalformed);
  EXPECT_EQ(code_with("  \"device\": \"cuda\",\n", ""), ErrorCode::kMalformed);
  EXPECT_EQ(code_with("1.5", "\"1.5\""), ErrorCode::kMalformed);
  EXPECT_EQ(code_with("bfloat16", "float8"), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_with("bfloat16", "dropped"), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_with("0.25", "1.25"), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_with("\"cuda\"", "\"" + std::string(5000, 'x') + "\""), ErrorCode::kOutOfRange);
  EXPECT_EQ(Profile::from_json(std::string(Profile::kMaxBytes + 1, ' '), "").error().code,
            ErrorCode::kTooLarge);
}

// With such bounds weights of 8 or 12 bits, or keys and values of 8, would pass for honest, often or always.
TEST(AuditProfile, RefusesBoundsThatExcludeTooLittle) {
  const auto valid = [](double Profile::*field, double bound) {
    Profile profile = filled();
    profile.*field = bound;
    return profile.validate().ok();
  };
  const double most = largest_variance_factor(RowDtype::kBF16, 1);
  EXPECT_NEAR(most, 11, 0.5) << "half of 0.75 % over the rounding of 8 bits, squared";
  for (const auto& [field, least, everything] : {std::tuple(&Profile::variance_factor, 0x1p-24, most),
                                                 {&Profile::differing_share, 0.0, 0.1},
                                                 {&Profile::attention_error, 0.0, 0.02}}) {
    EXPECT_TRUE(valid(field, least));
    EXPECT_FALSE(valid(field, std::nextafter(least, -1)));
    EXPECT_TRUE(valid(field, std::nextafter(everything, 0)));
    EXPECT_FALSE(valid(field, everything));
    EXPECT_FALSE(valid(field, std::nan("")));
  }
  // Longer rows show the same weights more clearly.
  EXPECT_NEAR(largest_variance_factor(RowDtype::kF16, 1) / most, 64, 1e-3);
}

// The sum of more products rounds by more, and weights of 8 bits stand out of it by less.
TEST(AuditProfile, ExcludesWeightsOf8BitsInTheWidestLayer) {
  EXPECT_NEAR(largest_variance_factor(RowDtype::kBF16, 1 << 20), largest_variance_factor(RowDtype::kBF16, 1),
              0.05)
      << "rows of bf16 hide the rounding of sums";
  EXPECT_NEAR(largest_variance_factor(RowDtype::kF32, 576), 0.5 * 1.03e7, 0.01e7);
  EXPECT_NEAR(largest_variance_factor(RowDtype::kF32, 5760), 0.5 * 1.03e6, 0.01e6);
  EXPECT_NEAR(largest_variance_factor(RowDtype::kF64, 576) / largest_variance_factor(RowDtype::kF32, 576),
              0x1p58, 0x1p46);

  const test::SampleRun run;
  const Reference reference = Reference::of(run.folder(), RowDtype::kF32, run.manifest).value();
  const double most = largest_variance_factor(RowDtype::kF32, test::Llama::kInner);
  Expectation expected;
  expected.profile = filled();
  expected.profile->conditions.dtype = "float32";
  expected.profile->variance_factor = std::nextafter(most, 0);
  EXPECT_TRUE(expected.set_tolerance(reference).ok());
  EXPECT_EQ(expected.tolerance.variance_factor, std::nextafter(most, 0));
  expected.profile->variance_factor = most;
  EXPECT_TRUE(expected.profile->validate().ok()) << "for a model of one input";
  const Status refused = expected.set_tolerance(reference);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kOutOfRange);
  EXPECT_THAT(refused.error().reason, testing::HasSubstr("a layer of 160 inputs"));
}

TEST(AuditProfile, IsForRowsOfItsType) {
  const test::SampleRun run;
  const Tolerance tolerance = Tolerance::of(filled(), run.by_weights()).value();
  EXPECT_EQ(tolerance.variance_factor, 1.5);
  EXPECT_EQ(tolerance.differing_share, 0.0125);
  EXPECT_EQ(tolerance.attention_error, 0.006);
  const Reference longer = Reference::of(run.folder(), RowDtype::kF32, run.manifest).value();
  EXPECT_EQ(Tolerance::of(filled(), longer).error().code, ErrorCode::kMismatch);
}

TEST(AuditProfile, IsNamedByTheVerdict) {
  test::SampleRun run;
  run.compute(run.model);
  const Challenge asked = run.challenge({2});
  Expectation expected = run.expectation(asked);
  expected.profile = Profile::from_json(filled().to_json(), "here.profile").value();
  ASSERT_TRUE(expected.set_tolerance(run.by_weights()).ok());
  const Openings given = run.openings(asked);
  const Verdict verdict = check(run.signed_head(), &given, expected, run.by_weights()).value();
  EXPECT_TRUE(verdict.ok());
  EXPECT_THAT(verdict.assumptions(), testing::Contains(testing::AllOf(
                                         testing::HasSubstr("the profile 'mine (here.profile, SHA-256 "),
                                         testing::HasSubstr("at most 0.25 (from 10 honest runs)"))));
}

// A profile widens what rounding may do, and nothing that weights of 4 bits do.
TEST(AuditProfile, LetsWiderRoundingPassAndNoCheat) {
  test::SampleRun coarse;
  coarse.compute(coarse.model.quantised(7));
  const Challenge asked = coarse.challenge({2});
  Expectation expected = coarse.expectation(asked);
  Profile widest = filled();
  widest.variance_factor = std::nextafter(largest_variance_factor(RowDtype::kBF16, test::Llama::kInner), 0);
  widest.differing_share = 0.099;
  expected.profile = widest;
  ASSERT_TRUE(expected.set_tolerance(coarse.by_weights()).ok());
  const Openings given = coarse.openings(asked);
  for (const Reference& reference : {coarse.by_weights(), coarse.by_key()})
    EXPECT_EQ(check(coarse.signed_head(), &given, expected, reference).value().step(), "product");
}

// Sums in 32 bits that are split err by less than the formula. A profile that says so finds what it hides.
TEST(AuditProfile, FindsMoreWhereSumsAreSplit) {
  test::SampleRun run;
  run.compute(run.model);
  const Challenge asked = run.challenge({2});
  Expectation expected = run.expectation(asked);
  expected.profile = filled();
  const Openings given = run.openings(asked);
  const auto step_with = [&](double factor, const Reference& reference) {
    expected.profile->variance_factor = factor;
    EXPECT_TRUE(expected.set_tolerance(reference).ok());
    return check(run.signed_head(), &given, expected, reference).value().step();
  };
  EXPECT_EQ(step_with(1, run.by_key()), "");
  EXPECT_EQ(step_with(0.25, run.by_key()), "product") << "rounding to 8 bits is what the formula says";
  EXPECT_EQ(step_with(0.25, run.by_weights()), "") << "of the worst output it allows no less";
}

TEST(AuditProfile, OfAnUnknownDtypeIsForNoModel) {
  Profile profile = filled();
  ASSERT_TRUE(profile.check_for({}).ok());
  profile.conditions.dtype = "int8";
  const Status status = profile.check_for({});
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().place, "dtype");
}

TEST(Calibration, MayFindLessThanTheFormulaSays) {
  Calibration calibration(RowDtype::kF32);
  Measured measured;
  measured.products = {{0, 0, 1000, false, 0.15, 0.5, 0.9}, {1, 0, 1000, false, 0.2, 0.5, 0.9}};
  calibration.add(measured);
  EXPECT_DOUBLE_EQ(calibration.profile(1.25)->variance_factor, 1.25 * 0.2);
  measured.products = {{0, 0, 1000, false, 0.4, 0.5, 0.9}, {1, 0, 1000, false, 0.1, 0.5, 0.9}};
  calibration.add(measured);
  const Profile profile = calibration.profile(1.25).value();
  EXPECT_DOUBLE_EQ(profile.variance_factor, 1.25 * 0.4) << "of the run where it is largest";
  EXPECT_EQ(profile.differing_share, Tolerance::of(RowDtype::kF32).differing_share) << "nobody counts these";
  Calibration exact(RowDtype::kF32);
  measured.products = {{0, 0, 1000, false, 0, 0, 0}};
  exact.add(measured);
  EXPECT_EQ(exact.profile(1).value().variance_factor, Profile::kLeastVarianceFactor);
}

TEST(Calibration, TakesTheLargestOfHonestRuns) {
  Calibration calibration(RowDtype::kBF16);
  EXPECT_EQ(calibration.profile(2).error().code, ErrorCode::kOutOfRange) << "of no run";
  Measured measured;
  measured.products = {{0, 0, 1000, false, 1.5, 0.001, 0.9},
                       {0, 1, 1000, false, 0.5, 0.028, 0.9},
                       {1, 0, 3000, false, 1.25, 0, 0.9},
                       {2, 0, 1000, true, 3.5, 0.5, 0.9}};
  measured.attention = {0.001, 0.004};
  calibration.add(measured);
  const Profile profile = calibration.profile(2).value();
  EXPECT_EQ(profile.conditions.dtype, "bfloat16");
  EXPECT_EQ(profile.variance_factor, 1.25) << "the mean of a layer, and the largest of these";
  EXPECT_NEAR(profile.differing_share, 2 * 0.02, 1e-12) << "beyond the 8 values that always may";
  EXPECT_EQ(profile.attention_error, 2 * 0.004);
  EXPECT_EQ(calibration.profile(1).value().attention_error, Tolerance::of(RowDtype::kBF16).attention_error)
      << "never less than without a profile";
  for (const double margin : {0.5, std::nextafter(1.0, 0.0), std::numeric_limits<double>::infinity()})
    EXPECT_EQ(calibration.profile(margin).error().place, "margin");
  // Of longer rows nobody counts the values that differ.
  Calibration longer(RowDtype::kF32);
  longer.add(measured);
  EXPECT_EQ(longer.profile(2)->differing_share, Tolerance::of(RowDtype::kF32).differing_share);
}

TEST(Tolerance, IsThatOfTheType) {
  EXPECT_EQ(Tolerance::of(RowDtype::kBF16).attention_error, 0.0055);
  EXPECT_EQ(Tolerance::of(RowDtype::kF16).attention_error, 0.001);
  EXPECT_EQ(Tolerance::of(RowDtype::kF32).attention_error, 1e-4);
  EXPECT_EQ(Tolerance::of(RowDtype::kF64).attention_error, 1e-4);
}

TEST(Measure, SaysWhatAnHonestRunShows) {
  test::SampleRun run;
  run.compute(run.model);
  const RunFolder folder = RunFolder::open(run.run_folder).value();
  const Challenge asked = run.challenge({0, 3});
  const Tolerance tolerance = Tolerance::of(RowDtype::kBF16);
  const Measured by_weights = measure(folder, run.request, asked, tolerance, run.by_weights()).value();
  EXPECT_EQ(by_weights.outcome, "accepted");
  EXPECT_EQ(by_weights.attention.size(), 2U * test::Llama::kBlocks);
  EXPECT_EQ(by_weights.chain.size(), 2U * (3 * test::Llama::kBlocks + 1));
  EXPECT_TRUE(by_weights.residuals.empty());
  const Measured by_key = measure(folder, run.request, asked, tolerance, run.by_key()).value();
  EXPECT_EQ(by_key.outcome, "accepted");
  EXPECT_EQ(by_key.residuals.size(), 8 * by_key.products.size());
  double squares = 0;
  for (const float one : by_key.residuals) squares += double{one} * double{one};
  EXPECT_NEAR(squares / static_cast<double>(by_key.residuals.size()), 1, 0.35);
  const auto opened = [](const Measured::Product& product) { return !product.recomputed; };
  EXPECT_EQ(std::ranges::count_if(by_weights.products, opened), 2 * (7 * test::Llama::kBlocks + 1));
  EXPECT_TRUE(std::ranges::all_of(by_weights.products, [](const Measured::Product& product) {
    return product.recomputed || product.worst <= 1;
  }));
}

// All is looked at, whatever the first fault is.
TEST(Measure, GoesOnBehindAFault) {
  test::SampleRun run;
  run.compute(run.model.quantised(7));
  const Measured measured = measure(RunFolder::open(run.run_folder).value(), run.request, run.challenge({1}),
                                    Tolerance::of(RowDtype::kBF16), run.by_weights())
                                .value();
  EXPECT_THAT(measured.outcome, testing::StartsWith("rejected product: "));
  EXPECT_EQ(measured.chain.size(), 3U * test::Llama::kBlocks + 1);
  EXPECT_EQ(measured.attention.size(), test::Llama::kBlocks);
  // Zeros are the products of zeros, and no embedding.
  test::SampleRun zeros;
  zeros.compute(zeros.model, [](const Wire&, std::uint64_t, test::Row& row) { row.assign(row.size(), 0); });
  const Measured of_zeros = measure(RunFolder::open(zeros.run_folder).value(), zeros.request,
                                    zeros.challenge({1}), Tolerance::of(RowDtype::kBF16), zeros.by_weights())
                                .value();
  EXPECT_THAT(of_zeros.outcome, testing::StartsWith("rejected chain: "));
  EXPECT_EQ(of_zeros.attention.size(), test::Llama::kBlocks);
}

}  // namespace
}  // namespace assay::audit
