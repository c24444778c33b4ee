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
                   const Profile& profile = Profile::published(), const Conditions& conditions = {}) {
  return verify_chunks(proofs, own, equal_chunks(own.size() / kChunkValues, kChunkValues), kTopK, profile,
                       conditions)
      .verdict;
}

Verdict verdict_of(const std::vector<Proof>& proofs, const Bits& own,
                   const Profile& profile = Profile::published(), const Conditions& conditions = {}) {
  return verdict_of(encoded(proofs), own, profile, conditions);
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
    for (std::size_t i = 0; i < kChunks; ++i) {
      comparisons.push_back(compare(proof, indices_[i], values_[i]).value());
      comparisons.back().rows = kRows;
    }
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
  ASSERT_EQ(verdict.notes().size(), 2u);
  EXPECT_NE(verdict.notes()[0].find("consistent with"), std::string::npos);
  ASSERT_EQ(verdict.assumptions().size(), 2u);
  EXPECT_EQ(
      verdict.assumptions()[0],
      "honest runs stay within the bounds of the profile 'published'; its false-alarm rate was not measured");
  EXPECT_EQ(verdict.assumptions()[1], "this run was like the measured ones: dtype 'bfloat16'");
  // No test has shown how often cheats are missed.
  EXPECT_FALSE(verdict.miss_bound());
  EXPECT_EQ(verdict.figures().size(), 10u);
  Profile measured = Profile::published();
  measured.false_alarm_bound = 0.01;
  measured.honest_runs = 300;
  measured.honest_chunks = 700;
  EXPECT_EQ(verdict_of(proofs(), states(), measured).assumptions()[0],
            "honest runs stay within the bounds of the profile 'published': with 95 % confidence, one is "
            "rejected with "
            "probability at most 0.01 (from 300 honest sequences, 700 chunks)");
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
    std::vector<Comparison> found =
        compare_all(proofs(), recomputed(states(), error), lengths, kTopK, TieRule::kLibstdcxx).value();
    for (Comparison& chunk : found) chunk.rows = kRows;
    return found;
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

// What needs no model at all: one value for all, where the verifier's own states are hardly more.
TEST_F(Attack, StatesThatAreAlike) {
  const auto step_with = [](const std::function<std::uint16_t(std::size_t)>& value) {
    Bits own(kRows * kHidden * kChunks);
    for (std::size_t i = 0; i < own.size(); ++i) own[i] = value(i);
    EXPECT_EQ(step_of(verdict_of(honest_proofs(own), own)), "inconclusive: states");
    return step_of(verdict_of(std::vector<Proof>(kChunks, constant_proof(own[0])), own));
  };
  EXPECT_EQ(step_with([](std::size_t) { return 0; }), "inconclusive: states");
  EXPECT_EQ(step_with([](std::size_t) { return 0x8000; }), "inconclusive: states");
  EXPECT_EQ(step_with([](std::size_t i) { return i % 2 == 0 ? 0 : 0x8000; }), "inconclusive: states");
  EXPECT_EQ(step_with([](std::size_t) { return 0x3f80; }), "inconclusive: states");
  EXPECT_EQ(step_with([](std::size_t i) { return 0x3f80 + i % 2; }), "inconclusive: states");
  EXPECT_EQ(step_with([](std::size_t i) { return 0x3f80 + i % 4; }), "inconclusive: states");
  // Saturated: all of the largest value there is.
  EXPECT_EQ(step_with([](std::size_t i) { return i % 5 == 0 ? 0x7f7f : 0x3f80 + i % 64; }),
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

// One token has as many points as 32: k of its values.
TEST_F(Attack, OneToken) {
  for (const std::uint32_t batch : {1U, 32U}) {
    Asked asked;
    asked.parameters.batching.decode_batching_size = batch;
    const auto step_with = [&](std::uint64_t rows) {
      const Bits own(states().begin(), states().begin() + static_cast<std::ptrdiff_t>(rows * kHidden));
      const ProofFile file = ProofFile::build(rows, kHidden, own, asked.parameters).value();
      return step_of(
          verify(Offer::of(file), asked, States{rows, kHidden, own}, Profile::published()).value().verdict);
    };
    EXPECT_EQ(step_with(1), "inconclusive: sequence length") << batch;
    EXPECT_EQ(step_with(31), "inconclusive: sequence length") << batch;
    EXPECT_EQ(step_with(32), "accepted") << batch;
  }
}

TEST_F(Attack, AnotherKThanTheProfiles) {
  Profile profile = Profile::published();
  for (const std::uint32_t topk : {1U, 64U, 127U, 129U, 256U, kMaxTopK}) {
    profile.topk = topk;
    const Verdict verdict = verdict_of(proofs(), states(), profile);
    EXPECT_EQ(step_of(verdict), "inconclusive: profile");
    EXPECT_EQ(verdict.reason(),
              "'published' was measured with k = " + std::to_string(topk) + ", these proofs have k = 128");
  }
  profile.topk = kTopK;
  EXPECT_EQ(step_of(verdict_of(proofs(), states(), profile)), "accepted");
}

TEST_F(Attack, AnotherBatchingThanTheProfiles) {
  Profile profile = Profile::published();
  for (const std::uint32_t batch : {1U, 31U, 33U, 64U}) {
    profile.decode_batching_size = batch;
    const Verdict verdict = verdict_of(proofs(), states(), profile);
    EXPECT_EQ(step_of(verdict), "inconclusive: profile");
    EXPECT_EQ(verdict.reason(), "'published' was measured with decode_batching_size = " +
                                    std::to_string(batch) + ", these proofs have 32");
  }
  profile.decode_batching_size = kRows;
  EXPECT_EQ(step_of(verdict_of(proofs(), states(), profile)), "accepted");
}

// Constants for each dimension, through a modulus that leaves little of the row in the index: every dimension
// whose values are known is right in all rows. Honest moduli for so many values would be as low.
TEST(AttackOnTheModulus, TheIndexBecomesTheDimension) {
  constexpr std::uint32_t kWidth = 2048;
  constexpr std::uint32_t kLarge = 64;  // dimensions that hold the large values, each about alike
  const auto dimension = [](std::uint32_t i) { return 31 * i + 5; };
  const auto usual = [](std::uint32_t i) { return (i % 2 == 0 ? 1 : -1) * (20 + 4.0 * i / kLarge); };
  std::mt19937 random(11);
  Bits states(kRows * kWidth);
  for (std::uint16_t& value : states) value = to_bf16(static_cast<float>(gaussian(random, 0)));
  for (std::size_t row = 0; row < kRows; ++row) {
    for (std::uint32_t i = 0; i < kLarge; ++i)
      states[row * kWidth + dimension(i)] =
          to_bf16(static_cast<float>(usual(i) * (1 + 0.01 * gaussian(random, 0))));
  }
  const std::vector<std::uint64_t> lengths = equal_chunks(1, states.size());
  const auto forged = [&](std::uint32_t modulus, std::uint32_t k) {
    std::vector<std::uint32_t> x, y;
    for (std::uint32_t start = 0; start < modulus; start += kWidth) {
      for (std::uint32_t i = 0; i < kLarge; ++i) {
        x.push_back(start + dimension(i));
        y.push_back(to_bf16(static_cast<float>(usual(i))));
      }
    }
    const std::vector<std::uint32_t> coefficients = interpolate(x, y).value();
    Proof proof{modulus, {coefficients.begin(), coefficients.end()}};
    proof.coefficients.resize(k);
    return proof;
  };
  const auto verified = [&](const Proof& proof, std::uint32_t k) {
    return verify_chunks({proof.encode()}, states, lengths, k, Profile::published());
  };
  const std::uint32_t most = largest_judged_topk();
  const Proof honest = build(states, lengths, most, TieRule::kLibstdcxx).value()[0];
  EXPECT_EQ(step_of(verified(honest, most).verdict), "accepted");
  for (const std::uint32_t modulus : {kWidth, 2 * kWidth, 4 * kWidth, 8 * kWidth}) {
    for (const std::uint32_t k : {1024U, most + 1}) {
      const Verification found = verified(forged(modulus, k), k);
      EXPECT_EQ(step_of(found.verdict), "inconclusive: modulus") << modulus;
      EXPECT_NE(found.verdict.reason().find(std::to_string(most)), std::string::npos);
      // Nothing else would tell.
      Comparison as_if = found.comparisons[0];
      EXPECT_EQ(as_if.modulus, modulus);
      as_if.exponent_mismatches = as_if.exponent_mismatches * 128 / k;
      as_if.sign_mismatches = as_if.sign_mismatches * 128 / k;
      as_if.points = 128;
      as_if.modulus = kPrime;
      EXPECT_EQ(step_of(decide(std::vector{as_if}, Profile::published())), "accepted") << modulus;
    }
    EXPECT_EQ(step_of(verified(forged(modulus, most), most).verdict), "modulus") << modulus;
  }
}

}  // namespace
}  // namespace assay::toploc
