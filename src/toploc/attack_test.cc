// What a prover would try, and what the verdict says to it.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "toploc/test_support.h"

namespace assay::toploc {
namespace {

constexpr std::uint32_t kTopK = 128;
constexpr std::size_t kHidden = 4096;
constexpr std::size_t kRows = 32;
constexpr std::size_t kChunks = 4;
constexpr std::size_t kChunkValues = kRows * kHidden;

using Draw = std::function<double(std::mt19937&, std::size_t index)>;

Bits draw_states(std::uint32_t seed, const Draw& draw) {
  std::mt19937 random(seed);
  Bits bits(kChunks * kChunkValues);
  for (std::size_t i = 0; i < bits.size(); ++i) bits[i] = to_bf16(static_cast<float>(draw(random, i)));
  return bits;
}

double gaussian(std::mt19937& random, std::size_t /*index*/) {
  std::normal_distribution<double> normal;
  return normal(random);
}

double student(std::mt19937& random, std::size_t /*index*/) {
  std::student_t_distribution<double> student_t(4);
  return student_t(random);
}

// Four dimensions that stand out in every row, always alike: final states of language models have such.
constexpr std::array<std::pair<std::size_t, double>, 4> kOutliers = {
    {{7, 21}, {100, -35}, {300, 27}, {900, -24}}};
double with_outliers(std::mt19937& random, std::size_t index) {
  for (const auto& [dimension, value] : kOutliers) {
    if (index % kHidden == dimension) return value * (1 + 0.02 * gaussian(random, index));
  }
  return gaussian(random, index);
}

/// The states as another machine computes them: each with a relative error.
Bits recomputed(const Bits& states, double error, std::uint32_t seed = 99) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  Bits other = states;
  for (std::uint16_t& bits : other)
    bits = to_bf16(static_cast<float>(from_bf16(bits) * (1 + error * normal(random))));
  return other;
}

std::vector<Proof> honest_proofs(const Bits& states) {
  return build(states, equal_chunks(states.size() / kChunkValues, kChunkValues), kTopK, TieRule::kLibstdcxx)
      .value();
}

Verdict verdict_of(const std::vector<Bytes>& proofs, const Bits& own,
                   const Profile& profile = Profile::published()) {
  return verify(proofs, own, equal_chunks(own.size() / kChunkValues, kChunkValues), kTopK,
                TieRule::kLibstdcxx, profile)
      .value()
      .verdict;
}

Verdict verdict_of(const std::vector<Proof>& proofs, const Bits& own,
                   const Profile& profile = Profile::published()) {
  return verdict_of(encoded(proofs), own, profile);
}

/// "accepted", or the step that says no.
std::string step_of(const Verdict& verdict) {
  if (verdict.ok()) return "accepted";
  return (verdict.outcome() == Outcome::kInconclusive ? "inconclusive: " : "") + verdict.step();
}

Profile without_signs_and_dispersion() {
  Profile profile = Profile::published();
  profile.sign_mismatches = 128;
  profile.dispersion = 0;
  return profile;
}

/// The verifier's own selection, made once for many proofs.
class OwnSelection {
 public:
  explicit OwnSelection(const Bits& states) {
    for (std::size_t i = 0; i < kChunks; ++i) {
      const std::span chunk(states.data() + i * kChunkValues, kChunkValues);
      indices_.push_back(select(chunk, kTopK, TieRule::kLibstdcxx).value());
      values_.emplace_back();
      for (const std::uint32_t index : indices_.back()) values_.back().push_back(chunk[index]);
    }
  }

  /// On the same proof for all chunks.
  [[nodiscard]] Verdict verdict_of(const Proof& proof, const Profile& profile = Profile::published()) const {
    std::vector<Comparison> comparisons;
    for (std::size_t i = 0; i < kChunks; ++i)
      comparisons.push_back(compare(proof, indices_[i], values_[i]).value());
    return decide(comparisons, profile);
  }

 private:
  std::vector<std::vector<std::uint32_t>> indices_;
  std::vector<Bits> values_;
};

Proof constant_proof(int value) {
  Proof proof{kPrime, Bits(kTopK)};
  proof.coefficients[0] = static_cast<std::uint16_t>(value);
  return proof;
}

class Attack : public testing::Test {
 protected:
  static const Bits& states() {
    static const Bits drawn = draw_states(1, gaussian);
    return drawn;
  }
  static const std::vector<Proof>& proofs() {
    static const std::vector<Proof> built = honest_proofs(states());
    return built;
  }
};

TEST_F(Attack, HonestProversPass) {
  EXPECT_EQ(step_of(verdict_of(proofs(), states())), "accepted");
  EXPECT_EQ(step_of(verdict_of(proofs(), recomputed(states(), 0.004))), "accepted");
  for (const Draw& draw : {Draw(student), Draw(with_outliers)}) {
    const Bits other = draw_states(2, draw);
    EXPECT_EQ(step_of(verdict_of(honest_proofs(other), recomputed(other, 0.004))), "accepted");
  }
}

TEST_F(Attack, AcceptanceSaysWhatItRestsOn) {
  const Verdict verdict = verdict_of(proofs(), states());
  ASSERT_EQ(verdict.notes().size(), 3u);
  EXPECT_NE(verdict.notes()[0].find("consistent with"), std::string::npos);
  EXPECT_NE(verdict.notes()[1].find("not measured"), std::string::npos);
  EXPECT_EQ(verdict.figures().size(), 10u);
  Profile measured = Profile::published();
  measured.false_alarm_bound = 0.01;
  measured.honest_sequences = 300;
  measured.honest_chunks = 700;
  EXPECT_EQ(
      verdict_of(proofs(), states(), measured).notes()[1],
      "with 95 % confidence, an honest sequence is rejected with probability at most 0.01 (from 300 honest "
      "sequences, 700 chunks)");
}

TEST_F(Attack, CoarserArithmetic) {
  EXPECT_EQ(step_of(verdict_of(proofs(), recomputed(states(), 0.08))), "exponents");
  EXPECT_EQ(step_of(verdict_of(proofs(), recomputed(states(), 0.2))), "chunk");
}

TEST_F(Attack, AnotherSequencesProofs) {
  EXPECT_EQ(step_of(verdict_of(honest_proofs(draw_states(3, gaussian)), states())), "chunk");
}

TEST_F(Attack, OneChunkOfAnotherSequence) {
  std::vector<Proof> mixed = proofs();
  mixed[2] = honest_proofs(draw_states(3, gaussian))[2];
  EXPECT_EQ(step_of(verdict_of(mixed, states())), "chunk");
}

// Coarser arithmetic in a part of the chunks: by the means 7 of 16 may be so.
TEST_F(Attack, SomeChunksOfCoarserArithmetic) {
  const std::vector<std::uint64_t> lengths = equal_chunks(kChunks, kChunkValues);
  const auto compared = [&](double error) {
    return compare_all(proofs(), recomputed(states(), error), lengths, kTopK, TieRule::kLibstdcxx).value();
  };
  const std::vector<Comparison> honest = compared(0.004);
  const std::vector<Comparison> coarse = compared(0.08);
  const auto step_with = [&](std::size_t foreign, std::size_t of, const Profile& profile) {
    std::vector<Comparison> mixed;
    for (std::size_t i = 0; i < of; ++i) mixed.push_back((i < foreign ? coarse : honest)[i % kChunks]);
    EXPECT_EQ(deviating_chunks(mixed, profile), foreign);
    return step_of(decide(mixed, profile));
  };
  const Profile published = Profile::published();
  EXPECT_EQ(step_with(2, 16, published), "accepted");
  for (std::size_t foreign = 3; foreign <= 7; ++foreign)
    EXPECT_EQ(step_with(foreign, 16, published), "deviating chunks") << foreign;
  // Half of an answer of 64 tokens.
  EXPECT_EQ(step_with(1, 2, published), "accepted");
  EXPECT_EQ(step_with(1, 4, published), "accepted");
  EXPECT_EQ(step_with(2, 4, published), "deviating chunks");
  Profile means = published;
  means.deviating_share = 1;
  EXPECT_EQ(step_with(7, 16, means), "accepted");
  EXPECT_EQ(step_with(2, 4, means), "accepted");
}

TEST_F(Attack, SwappedChunks) {
  std::vector<Proof> swapped = proofs();
  std::swap(swapped[0], swapped[3]);
  EXPECT_EQ(step_of(verdict_of(swapped, states())), "chunk");
}

// A constant c, padded with zeros, needs no data but the typical size of the largest values. Signs and
// dispersion are what it fails by: the three published bounds take it.
TEST_F(Attack, ConstantPolynomials) {
  const OwnSelection own(states());
  const OwnSelection tails(draw_states(4, student));
  bool published_bounds_take_one = false;
  for (int magnitude = 0x3f80; magnitude < 0x4200; ++magnitude) {
    for (const int value : {magnitude, 0x8000 | magnitude}) {
      ASSERT_EQ(own.verdict_of(constant_proof(value)).outcome(), Outcome::kRejected) << value;
      ASSERT_EQ(tails.verdict_of(constant_proof(value)).outcome(), Outcome::kRejected) << value;
      published_bounds_take_one |= own.verdict_of(constant_proof(value), without_signs_and_dispersion()).ok();
    }
  }
  EXPECT_TRUE(published_bounds_take_one);
}

// A constant for one chunk of four: the means over the sequence stay within their bounds.
TEST_F(Attack, AConstantForOneChunk) {
  for (const int value : {0x4050, 0x4070, 0xc060}) {
    std::vector<Proof> mixed = proofs();
    mixed[2] = constant_proof(value);
    EXPECT_EQ(step_of(verdict_of(mixed, states())), "dispersion") << value;
  }
}

// Where nearly all large values have one sign, dispersion alone is left.
TEST_F(Attack, ConstantPolynomialsOnOneSidedStates) {
  const OwnSelection one_sided(draw_states(5, [](std::mt19937& random, std::size_t i) {
    const double value = std::fabs(gaussian(random, i));
    return random() % 50 == 0 ? -value : value;
  }));
  bool caught_by_dispersion = false;
  for (int magnitude = 0x4000; magnitude < 0x4100; ++magnitude) {
    const Verdict verdict = one_sided.verdict_of(constant_proof(magnitude));
    ASSERT_EQ(verdict.outcome(), Outcome::kRejected) << magnitude;
    caught_by_dispersion |= verdict.step() == "dispersion";
  }
  EXPECT_TRUE(caught_by_dispersion);
}

// Modulo the width an index is its dimension, and 128 coefficients are enough for what every dimension
// usually holds. With an honest modulus the same takes a guess of index and value together.
TEST_F(Attack, ModulusThatDividesTheRows) {
  const Bits own = draw_states(6, with_outliers);
  std::vector<std::uint32_t> dimensions;
  Bits typical;
  for (const auto& [dimension, value] : kOutliers) {
    dimensions.push_back(static_cast<std::uint32_t>(dimension));
    typical.push_back(to_bf16(static_cast<float>(value)));
  }
  for (std::uint32_t filler = 400; dimensions.size() < kTopK; ++filler) {
    dimensions.push_back(filler);
    typical.push_back(0x4000);
  }
  Proof forged = prove(dimensions, typical).value();
  forged.modulus = kHidden;
  EXPECT_EQ(step_of(verdict_of(std::vector<Proof>(kChunks, forged), own)), "modulus");
  Profile anything = without_signs_and_dispersion();
  forged.modulus = least_honest_modulus(kTopK);
  EXPECT_EQ(step_of(verdict_of(std::vector<Proof>(kChunks, forged), own, anything)), "chunk");
}

// What the scheme cannot see: values that are known beforehand, to within the bounds, with their places.
// docs/toploc.md says so.
TEST_F(Attack, KnownOutliersAreNotDetected) {
  const Bits own = draw_states(6, with_outliers);
  std::vector<std::uint32_t> places;
  Bits typical;
  for (std::uint32_t row = 0; row < kRows; ++row) {
    for (const auto& [dimension, value] : kOutliers) {
      places.push_back(row * static_cast<std::uint32_t>(kHidden) + static_cast<std::uint32_t>(dimension));
      typical.push_back(to_bf16(static_cast<float>(value * (0.95 + 0.003 * row))));
    }
  }
  const std::vector<Proof> forged(kChunks, prove(places, typical).value());
  EXPECT_EQ(step_of(verdict_of(forged, own)), "accepted");
}

// Half of the values right, the polynomial of degree 63 through them padded with zeros.
TEST_F(Attack, FewerPointsThanCoefficients) {
  std::vector<Proof> padded;
  for (std::size_t i = 0; i < kChunks; ++i) {
    const std::span chunk(states().data() + i * kChunkValues, kChunkValues);
    const std::vector<std::uint32_t> indices = select(chunk, kTopK / 2, TieRule::kLibstdcxx).value();
    Bits values;
    for (const std::uint32_t index : indices) values.push_back(chunk[index]);
    padded.push_back(prove(indices, values).value());
    padded.back().coefficients.resize(kTopK);
  }
  EXPECT_EQ(step_of(verdict_of(padded, states())), "exponents");
}

TEST_F(Attack, MalformedProofs) {
  const std::vector<Bytes> honest = encoded(proofs());
  const auto step_with = [&](const std::function<void(Bytes&)>& change) {
    std::vector<Bytes> changed = honest;
    change(changed[3]);
    return step_of(verdict_of(changed, states()));
  };
  EXPECT_EQ(step_with([](Bytes& p) { p[0] = p[1] = 0; }), "proof form");         // modulus 0
  EXPECT_EQ(step_with([](Bytes& p) { p.assign(p.size(), 0); }), "proof form");   // the library's null proof
  EXPECT_EQ(step_with([](Bytes& p) { p[0] = p[1] = 0xff; }), "proof form");      // modulus over p
  EXPECT_EQ(step_with([](Bytes& p) { p[2] = p[3] = 0xff; }), "proof form");      // coefficient over p
  EXPECT_EQ(step_with([](Bytes& p) { p.resize(p.size() + 2); }), "proof form");  // a degree too many
  EXPECT_EQ(step_with([](Bytes& p) { p.resize(p.size() - 2); }), "proof form");  // a degree too few
  EXPECT_EQ(step_with([](Bytes& p) { p.push_back(0); }), "proof form");          // an odd byte
  EXPECT_EQ(step_with([](Bytes& p) { p.pop_back(); }), "proof form");
  EXPECT_EQ(step_with([](Bytes& p) { p.clear(); }), "proof form");
  EXPECT_EQ(step_with([](Bytes& p) { p.resize(std::size_t{1} << 20); }), "proof form");
  EXPECT_EQ(step_with([](Bytes&) {}), "accepted");
}

TEST_F(Attack, AnotherCountOfProofs) {
  std::vector<Bytes> fewer = encoded(proofs());
  fewer.pop_back();
  EXPECT_EQ(step_of(verdict_of(fewer, states())), "proof count");
  EXPECT_EQ(step_of(verdict_of(std::vector<Bytes>{}, states())), "proof count");
  std::vector<Bytes> more = encoded(proofs());
  more.push_back(more[0]);
  EXPECT_EQ(step_of(verdict_of(more, states())), "proof count");
}

TEST_F(Attack, StatesThatAreNotFinite) {
  Bits broken = states();
  for (std::size_t i = 0; i < broken.size(); i += 100) broken[i] = 0x7fc0;
  const std::vector<Proof> of_broken = honest_proofs(broken);
  EXPECT_EQ(step_of(verdict_of(of_broken, states())), "chunk");
  // All is NaN on both sides, which would compare as equal.
  EXPECT_EQ(step_of(verdict_of(of_broken, broken)), "inconclusive: states");
  EXPECT_EQ(step_of(verdict_of(std::vector<Proof>(kChunks, constant_proof(0x7fc0)), broken)),
            "inconclusive: states");
}

TEST_F(Attack, ShortSequences) {
  const Bits one_chunk(states().begin(), states().begin() + kChunkValues);
  EXPECT_EQ(step_of(verdict_of({encoded(proofs())[0]}, one_chunk)), "accepted");
  Profile longer = Profile::published();
  longer.minimum_points = 129;
  EXPECT_EQ(step_of(verdict_of({encoded(proofs())[0]}, one_chunk, longer)), "inconclusive: sequence length");
  longer.minimum_points = 0;
  EXPECT_EQ(step_of(verdict_of(std::vector<Bytes>{}, {}, longer)), "inconclusive: sequence length");
}

TEST_F(Attack, AnotherKThanTheProfiles) {
  Profile profile = Profile::published();
  profile.topk = 64;
  EXPECT_EQ(step_of(verdict_of(proofs(), states(), profile)), "inconclusive: profile");
  profile.topk = kTopK;
  EXPECT_EQ(step_of(verdict_of(proofs(), states(), profile)), "accepted");
}

/// A sequence of one chunk that is at the bounds in everything.
Comparison at_the_bounds() {
  const Profile p = Profile::published();
  Comparison c;
  c.points = kTopK;
  c.modulus = least_honest_modulus(kTopK);
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
  EXPECT_EQ(verdict.figures().back(),
            std::pair(std::string("deviating chunks"), std::string("1 (at most 1)")));
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

}  // namespace
}  // namespace assay::toploc
