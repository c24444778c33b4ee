// The bounds of a profile, and what a verdict says that it rests on.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "toploc/test_support.h"

namespace assay::toploc {
namespace {

constexpr std::uint32_t kDecisionTopK = 128;

/// A sequence of one chunk that is at the bounds in everything.
Comparison at_the_bounds() {
  const Profile p = Profile::published();
  Comparison c;
  c.points = kDecisionTopK;
  c.rows = 32;
  c.modulus = least_honest_modulus(kDecisionTopK);
  c.exponent_mismatches = static_cast<std::uint32_t>(p.exponent_mismatches);
  c.sign_mismatches = static_cast<std::uint32_t>(p.sign_mismatches);
  c.distinct_values = 20;
  c.distinct_own = 40;
  c.mantissa_mean = p.mantissa_mean;
  c.mantissa_median = p.mantissa_median;
  return c;
}

TEST(Decide, EachBoundIsInclusive) {
  const auto step_with = [](const std::function<void(Comparison&)>& change) {
    Comparison c = at_the_bounds();
    change(c);
    return step_of(decide(std::vector{c}, Profile::published()));
  };
  EXPECT_EQ(step_with([](Comparison&) {}), "accepted");
  EXPECT_EQ(step_with([](Comparison& c) { --c.modulus; }), "modulus");
  EXPECT_EQ(step_with([](Comparison& c) { ++c.exponent_mismatches; }), "exponents");
  EXPECT_EQ(step_with([](Comparison& c) { c.exponent_mismatches = 113; }), "chunk");
  EXPECT_EQ(step_with([](Comparison& c) { c.mantissa_mean += 0.01; }), "mantissa mean");
  EXPECT_EQ(step_with([](Comparison& c) { c.mantissa_median += 0.5; }), "mantissa median");
  EXPECT_EQ(step_with([](Comparison& c) { ++c.sign_mismatches; }), "signs");
  EXPECT_EQ(step_with([](Comparison& c) { --c.distinct_values; }), "dispersion");
  EXPECT_EQ(step_with([](Comparison& c) { c.nonfinite_own = 1; }), "inconclusive: states");
}

// However many values are taken of a row, it is one token.
TEST(Decide, ARowCountsForAFewPoints) {
  const auto found = [](std::uint32_t points, std::uint64_t rows, std::uint64_t minimum) {
    Comparison exact = at_the_bounds();
    exact.exponent_mismatches = exact.sign_mismatches = 0;
    exact.points = points;
    exact.rows = rows;
    Profile profile = Profile::published();
    profile.minimum_points = minimum;
    return decide(std::vector{exact}, profile);
  };
  EXPECT_EQ(found(128, 1, 128).reason(),
            "4 points, a row counting for at most 4; the profile 'published' asks for 128");
  EXPECT_EQ(step_of(found(128, 31, 128)), "inconclusive: sequence length");
  EXPECT_EQ(step_of(found(128, 32, 128)), "accepted");
  EXPECT_EQ(step_of(found(512, 32, 129)), "inconclusive: sequence length");
  EXPECT_EQ(step_of(found(131, 32, 129)), "inconclusive: sequence length");
  EXPECT_EQ(step_of(found(131, 33, 129)), "accepted");
  EXPECT_EQ(step_of(found(64, 64, 65)), "inconclusive: sequence length");
  EXPECT_EQ(step_of(found(64, UINT64_MAX, 64)), "accepted");
  // No profile lets one token pass, as no file can ask for so little.
  for (const std::uint64_t minimum : {0, 1, 4}) {
    EXPECT_EQ(step_of(found(128, 1, minimum)), "inconclusive: sequence length") << minimum;
    EXPECT_EQ(step_of(found(128, 2, minimum)), "accepted") << minimum;
  }
  // Over the chunks.
  Comparison half = at_the_bounds();
  half.rows = 16;
  EXPECT_EQ(step_of(decide(std::vector{half}, Profile::published())), "inconclusive: sequence length");
  EXPECT_EQ(step_of(decide(std::vector{half, half}, Profile::published())), "accepted");
}

// A chunk of which one value for all would pass is no use, however the proofs compare.
TEST(Decide, OwnStatesOfAFewValuesSayNothing) {
  const auto found = [](std::uint32_t distinct_own) {
    Comparison exact = at_the_bounds();
    exact.exponent_mismatches = exact.sign_mismatches = 0;
    Comparison other = exact;
    other.distinct_own = other.distinct_values = distinct_own;
    return decide(std::vector{exact, other}, Profile::published());
  };
  EXPECT_EQ(step_of(found(5)), "accepted");
  for (const std::uint32_t distinct : {1, 2, 3, 4}) {
    EXPECT_EQ(step_of(found(distinct)), "inconclusive: states") << distinct;
    EXPECT_EQ(found(distinct).item(), 1u);
  }
  EXPECT_EQ(
      found(1).reason(),
      "the verifier's own largest values in chunk 1 are all of one value: one of them for all might pass");
}

TEST(Decide, AChunkMayHaveHalfTheDispersion) {
  Comparison other = at_the_bounds();
  other.distinct_values = other.distinct_own;
  Comparison least = at_the_bounds();
  least.distinct_values = least.distinct_own / 4;
  EXPECT_EQ(step_of(decide(std::vector{other, least}, Profile::published())), "accepted");
  --least.distinct_values;
  const Verdict verdict = decide(std::vector{other, least}, Profile::published());
  EXPECT_EQ(step_of(verdict), "dispersion");
  EXPECT_NE(verdict.reason().find("worst chunk"), std::string::npos);
}

TEST(Decide, AChunkDeviatesByEachOfThreeBounds) {
  const Profile published = Profile::published();
  const auto deviating_with = [&](const std::function<void(Comparison&)>& change) {
    Comparison c = at_the_bounds();
    change(c);
    return deviating_chunks(std::vector{at_the_bounds(), c, Comparison{}}, published);
  };
  EXPECT_EQ(deviating_with([](Comparison&) {}), 0u);
  EXPECT_EQ(deviating_with([](Comparison& c) { ++c.exponent_mismatches; }), 1u);
  EXPECT_EQ(deviating_with([](Comparison& c) { c.mantissa_mean += 0.01; }), 1u);
  EXPECT_EQ(deviating_with([](Comparison& c) { c.mantissa_median += 0.5; }), 1u);
  EXPECT_EQ(deviating_with([](Comparison& c) { c.mantissa_mean = Comparison::kNoMatch; }), 1u);
  EXPECT_EQ(deviating_with([](Comparison& c) { c.sign_mismatches = 128; }), 0u);
  EXPECT_EQ(deviating_with([](Comparison& c) { c.distinct_values = 1; }), 0u);
  // Counted per 128 points, whatever k is.
  EXPECT_EQ(deviating_with([](Comparison& c) { c.points = 64, c.exponent_mismatches = 19; }), 0u);
  EXPECT_EQ(deviating_with([](Comparison& c) { c.points = 64, c.exponent_mismatches = 20; }), 1u);
}

TEST(Decide, AShareOfTheChunksMayDeviateAndOneAlways) {
  const auto step_with = [](std::size_t deviating, std::size_t of, double share) {
    Comparison exact = at_the_bounds();
    exact.exponent_mismatches = 0;
    Comparison over = at_the_bounds();
    ++over.exponent_mismatches;
    std::vector<Comparison> chunks(of, exact);
    std::fill_n(chunks.begin(), deviating, over);
    Profile profile = Profile::published();
    profile.deviating_share = share;
    return step_of(decide(chunks, profile));
  };
  for (const auto& [most, of, share] : {std::tuple(1u, 2u, 0.0),
                                        {1u, 64u, 0.0},
                                        {1u, 2u, 0.125},
                                        {1u, 15u, 0.125},
                                        {2u, 16u, 0.125},
                                        {2u, 23u, 0.125},
                                        {3u, 24u, 0.125},
                                        {9u, 12u, 0.75}}) {
    EXPECT_EQ(step_with(most, of, share), "accepted") << of << " chunks, " << share;
    EXPECT_EQ(step_with(most + 1, of, share), most + 1 < of ? "deviating chunks" : "exponents")
        << of << " chunks, " << share;
  }
  EXPECT_EQ(step_with(1, 1, 1), "exponents");
  EXPECT_EQ(step_with(62, 64, 1), "accepted");
}

// One chunk by its exponents, the other by its mantissas: the means of both are within the bounds.
TEST(Decide, OfTwoChunksOneMayDeviate) {
  Comparison exponents = at_the_bounds();
  exponents.exponent_mismatches = 60;
  exponents.mantissa_mean = 1;
  Comparison mantissas = at_the_bounds();
  mantissas.exponent_mismatches = 1;
  mantissas.mantissa_mean = 15;
  EXPECT_EQ(step_of(decide(std::vector{exponents, mantissas}, Profile::published())), "deviating chunks");
  mantissas.mantissa_mean = 10;
  const Verdict verdict = decide(std::vector{exponents, mantissas}, Profile::published());
  EXPECT_EQ(step_of(verdict), "accepted");
  EXPECT_EQ(verdict.figures().back(), (Figure{"deviating chunks", 1.0, Bound{Bound::Kind::kAtMost, 1}}));
}

// No file gives such bounds, but a program may.
TEST(Decide, BoundsThatAreNoNumbersHoldForNothing) {
  for (double Profile::*bound : {&Profile::exponent_mismatches, &Profile::mantissa_mean,
                                 &Profile::mantissa_median, &Profile::sign_mismatches, &Profile::dispersion,
                                 &Profile::chunk_exponent_mismatches, &Profile::deviating_share}) {
    Profile profile = Profile::published();
    profile.*bound = std::nan("");
    EXPECT_EQ(decide(std::vector{at_the_bounds()}, profile).outcome(), Outcome::kRejected);
  }
}

TEST(Decide, PromisesNothingThatWasNotMeasured) {
  const auto promised = [](const Verdict& verdict) {
    return verdict.assumptions().at(0).find("rejected with probability") != std::string::npos;
  };
  Profile profile = Profile::published();
  profile.name = "mine";
  profile.conditions.model = "one";
  profile.conditions.kernel = "sdpa, eager";
  profile.false_alarm_bound = 0.01;
  Conditions conditions{"one", "bfloat16", "eager"};
  Comparison over = at_the_bounds();
  ++over.exponent_mismatches;
  EXPECT_TRUE(promised(decide(std::vector{over}, profile, 32, conditions)));
  conditions.dtype = "float32";
  for (const Comparison& chunk : {at_the_bounds(), over}) {
    const Verdict verdict = decide(std::vector{chunk}, profile, 32, conditions);
    EXPECT_EQ(step_of(verdict), step_of(decide(std::vector{chunk}, profile)));
    EXPECT_FALSE(promised(verdict));
    EXPECT_EQ(std::ranges::count(verdict.notes(), profile::unmeasured(profile, conditions)), 1);
  }
}

/// "modulus statistical, chunk recomputed": the checks of a verdict.
std::string checks_of(const Verdict& verdict) {
  std::string text;
  for (const Verdict::Check& check : verdict.checks())
    text += (text.empty() ? "" : ", ") + check.step + " " + std::string(to_string(check.grade));
  return text;
}

TEST(Decide, SaysWhatPassedAndWhatThatIsWorth) {
  EXPECT_EQ(
      checks_of(decide(std::vector{at_the_bounds()}, Profile::published())),
      "modulus statistical, chunk statistical, exponents statistical, mantissa mean statistical, mantissa "
      "median statistical, signs statistical, dispersion statistical, deviating chunks statistical");
  Comparison equal = at_the_bounds();
  equal.exponent_mismatches = equal.sign_mismatches = 0;
  equal.mantissa_mean = equal.mantissa_median = 0;
  equal.distinct_values = equal.distinct_own;
  EXPECT_EQ(checks_of(decide(std::vector{equal}, Profile::published())),
            "modulus statistical, chunk recomputed, exponents recomputed, mantissa mean recomputed, mantissa "
            "median "
            "recomputed, signs recomputed, dispersion recomputed, deviating chunks recomputed");
  // One value that is another is enough.
  for (const auto& change : std::vector<std::function<void(Comparison&)>>{
           [](Comparison& c) { c.exponent_mismatches = 1; }, [](Comparison& c) { c.sign_mismatches = 1; },
           [](Comparison& c) { c.mantissa_mean = 0.01; }}) {
    Comparison other = equal;
    change(other);
    EXPECT_EQ(decide(std::vector{equal, other}, Profile::published()).checks().back().grade,
              Grade::kStatistical);
  }
  // Up to the one that failed, half of which may have passed.
  Comparison least = at_the_bounds();
  least.distinct_values = 9;
  equal.exponent_mismatches = 1;
  EXPECT_EQ(
      checks_of(decide(std::vector{equal, least}, Profile::published())),
      "modulus statistical, chunk statistical, exponents statistical, mantissa mean statistical, mantissa "
      "median statistical, signs statistical");
  least.nonfinite_own = 1;
  EXPECT_EQ(checks_of(decide(std::vector{equal, least}, Profile::published())), "");
}

// Of a batching that nobody told nothing is held against a profile, and of another k everything is.
TEST(Decide, AProfileIsOfItsKAndItsBatching) {
  Profile profile = Profile::published();
  profile.topk = kDecisionTopK;
  profile.decode_batching_size = 32;
  const std::vector<Comparison> chunks = {at_the_bounds()};
  EXPECT_EQ(step_of(decide(chunks, profile)), "accepted");
  EXPECT_EQ(step_of(decide(chunks, profile, 32)), "accepted");
  EXPECT_EQ(decide(chunks, profile, 16).reason(),
            "'published' was measured with decode_batching_size = 32, these proofs have 16");
  profile.topk = 256;
  EXPECT_EQ(step_of(decide(chunks, profile)), "inconclusive: profile");
  EXPECT_EQ(decide(chunks, profile).reason(),
            "'published' was measured with k = 256, these proofs have k = 128");
}

TEST(Decide, NamesTheChunkThatFailed) {
  const auto item_with = [](const std::function<void(Comparison&)>& change) {
    std::vector<Comparison> chunks(4, at_the_bounds());
    chunks[0].points = 0;
    for (Comparison& chunk : chunks) chunk.distinct_values = chunk.distinct_own;
    change(chunks[2]);
    return decide(chunks, Profile::published()).item();
  };
  EXPECT_EQ(item_with([](Comparison& c) { c.exponent_mismatches = 113; }), 2u);
  EXPECT_EQ(item_with([](Comparison& c) { c.distinct_values = 9; }), 2u);
  EXPECT_EQ(item_with([](Comparison& c) { c.modulus = 9000; }), 2u);
  EXPECT_EQ(item_with([](Comparison& c) { c.nonfinite_own = 1; }), 2u);
  // Of two that are as bad, the first.
  std::vector<Comparison> alike(4, at_the_bounds());
  for (Comparison& chunk : alike) chunk.distinct_values = chunk.distinct_own;
  alike[1].exponent_mismatches = alike[3].exponent_mismatches = 113;
  EXPECT_EQ(decide(alike, Profile::published()).item(), 1u);
  // What is of the whole sequence is of no chunk.
  EXPECT_EQ(item_with([](Comparison& c) { c.sign_mismatches = 128; }), std::nullopt);
}

TEST(LeastHonestModulus, FollowsTheSearch) {
  EXPECT_EQ(least_honest_modulus(1), kPrime - 64);
  EXPECT_EQ(least_honest_modulus(128), kPrime - 64);
  EXPECT_LT(least_honest_modulus(512), kPrime - 64);
  EXPECT_GT(least_honest_modulus(512), kPrime - 400);
  EXPECT_EQ(least_honest_modulus(2048), 2048u);
  EXPECT_EQ(least_honest_modulus(kMaxTopK), kMaxTopK);
  // Random indices never come near it.
  std::mt19937 random(7);
  for (const std::uint32_t k : {128u, 512u}) {
    for (int round = 0; round < 50; ++round) {
      std::vector<std::uint32_t> indices(k);
      for (std::uint32_t& index : indices) index = static_cast<std::uint32_t>(random());
      EXPECT_GE(injective_modulus(indices).value(), least_honest_modulus(k));
    }
  }
}

TEST(LeastHonestModulus, SaysNothingOfManyValues) {
  const std::uint32_t most = largest_judged_topk();
  EXPECT_GT(most, 950u);
  EXPECT_LT(most, 1000u);
  for (std::uint32_t k = 1; k <= kMaxTopK; ++k)
    ASSERT_EQ(2 * least_honest_modulus(k) >= kPrime, k <= most) << k;
  const auto step_of_chunk = [](std::uint32_t points, std::uint32_t modulus) {
    Comparison exact = at_the_bounds();
    exact.exponent_mismatches = exact.sign_mismatches = 0;
    Comparison other = exact;
    other.points = points;
    other.modulus = modulus;
    return step_of(decide(std::vector{exact, other}, Profile::published()));
  };
  EXPECT_EQ(step_of_chunk(most, least_honest_modulus(most)), "accepted");
  EXPECT_EQ(step_of_chunk(most, least_honest_modulus(most) - 1), "modulus");
  EXPECT_EQ(step_of_chunk(most + 1, kPrime), "inconclusive: modulus");
  EXPECT_EQ(step_of_chunk(kMaxTopK, kPrime), "inconclusive: modulus");
}

}  // namespace
}  // namespace assay::toploc
