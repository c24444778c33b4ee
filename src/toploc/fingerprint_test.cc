#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>

#include "base/random.h"
#include "base/sha256.h"
#include "base/wire.h"
#include "toploc/test_support.h"

namespace assay::toploc {
namespace {

constexpr std::uint32_t kFingerprintHidden = 200;
constexpr std::uint32_t kDimensions = 24;

Digest seed(std::uint8_t first) {
  Digest digest{};
  digest[0] = first;
  return digest;
}

std::vector<float> states(std::uint32_t seed_number, std::size_t rows) {
  std::mt19937 random(seed_number);
  std::normal_distribution<float> normal;
  std::vector<float> values(rows * kFingerprintHidden);
  for (float& value : values) value = normal(random);
  return values;
}

Fingerprint of(const std::vector<float>& values, std::uint8_t seed_byte = 1) {
  return Fingerprint::project(values, kFingerprintHidden, seed(seed_byte), kDimensions).value();
}

std::vector<float> scaled(std::vector<float> values, float error) {
  std::mt19937 random(9);
  std::normal_distribution<float> normal;
  for (float& value : values) value *= 1 + error * normal(random);
  return values;
}

Profile with_bound(std::optional<double> bound) {
  Profile profile = Profile::published();
  profile.fingerprint_distance = bound;
  return profile;
}

/// The verdict on theirs by one who has these states and the seed 1.
Verdict judged(const Fingerprint& theirs, const std::vector<float>& own, const Profile& profile) {
  return verify(theirs, {own, kFingerprintHidden}, seed(1), kDimensions, profile).value();
}

Verdict judged(const Fingerprint& theirs, const std::vector<float>& own) {
  return judged(theirs, own, with_bound(0.05));
}

std::span<float> row_of(std::vector<float>& values, std::size_t row) {
  return std::span(values).subspan(row * kFingerprintHidden, kFingerprintHidden);
}

TEST(Fingerprint, IsTheSignedSumOfItsDefinition) {
  const std::vector<float> values = states(1, 3);
  const Fingerprint fingerprint = of(values);
  const Digest key = Sha256()
                         .update("assay/toploc/fingerprint/v1")
                         .update(seed(1))
                         .update_u32(kFingerprintHidden)
                         .update_u32(kDimensions)
                         .digest();
  ChaCha20Stream stream(key);
  std::vector<std::uint64_t> words(kFingerprintHidden * kDimensions / 64 + 1);
  for (std::uint64_t& word : words) word = stream.next_u64();
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t j = 0; j < kDimensions; ++j) {
      double sum = 0;
      for (std::size_t i = 0; i < kFingerprintHidden; ++i) {
        const std::size_t bit = i * kDimensions + j;
        const double value = values[row * kFingerprintHidden + i];
        sum += (words[bit / 64] >> bit % 64 & 1) != 0 ? -value : value;
      }
      EXPECT_EQ(fingerprint.values[row * kDimensions + j],
                static_cast<float>(sum * (1 / std::sqrt(static_cast<double>(kDimensions)))));
    }
  }
}

TEST(AnswerSeed, IsAnothersForAnythingElseInTheAnswer) {
  const std::vector<std::uint32_t> prompt = {1, 2};
  const std::vector<std::uint32_t> output = {3};
  const std::vector<Bytes> proofs = {{1, 2}, {3}};
  const std::vector<Digest> committed = {seed(7)};
  const Digest plain = answer_seed(prompt, output, proofs, committed);
  EXPECT_EQ(answer_seed(prompt, output, proofs, committed), plain);
  const std::vector<std::uint32_t> longer = {1, 2, 3};
  const std::vector<Bytes> joined = {{1, 2, 3}};
  const std::vector<Bytes> swapped = {{3}, {1, 2}};
  const std::vector<Digest> more = {seed(7), seed(8)};
  const std::vector<Digest> others = {
      answer_seed(longer, {}, proofs, committed),     answer_seed(longer, output, proofs, committed),
      answer_seed(output, prompt, proofs, committed), answer_seed(prompt, prompt, proofs, committed),
      answer_seed(prompt, output, joined, committed), answer_seed(prompt, output, swapped, committed),
      answer_seed(prompt, output, {}, committed),     answer_seed(prompt, output, proofs, {}),
      answer_seed(prompt, output, proofs, more),
  };
  for (std::size_t i = 0; i < others.size(); ++i) {
    EXPECT_NE(others[i], plain) << i;
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(others[i], others[j]) << i << ' ' << j;
  }
}

TEST(Fingerprint, KeepsLengthsOnAverage) {
  double states_squared = 0;
  double projected_squared = 0;
  const std::vector<float> values = states(2, 200);
  for (const float value : values) states_squared += value * value;
  for (const float value : of(values).values) projected_squared += value * value;
  EXPECT_NEAR(projected_squared / states_squared, 1, 0.1);
}

TEST(Fingerprint, TakesBf16AsTheFloatsItStandsFor) {
  const Bits bits = TorchNormal(3).draw(kFingerprintHidden * 5);
  std::vector<float> floats;
  for (const std::uint16_t value : bits) floats.push_back(from_bf16(value));
  EXPECT_EQ(Fingerprint::project(bits, kFingerprintHidden, seed(1), kDimensions).value(), of(floats));
}

TEST(Fingerprint, DoesNotDependOnThreads) {
  const std::vector<float> values = states(4, 50);
  const ThreadLimitScope one(1);
  const Fingerprint alone = of(values);
  const ThreadLimitScope four(4);
  EXPECT_EQ(of(values), alone);
}

TEST(Fingerprint, HasOneEncoding) {
  const Fingerprint fingerprint = of(states(5, 4));
  const Bytes bytes = fingerprint.encode();
  EXPECT_EQ(bytes.size(), 27 + 32 + 12 + 4 * 4 * kDimensions);
  EXPECT_EQ(Fingerprint::decode(bytes, "").value(), fingerprint);
  EXPECT_EQ(Fingerprint::decode(of({}).encode(), "").value().rows(), 0u);
}

Bytes header(std::uint32_t hidden, std::uint32_t dimensions, std::uint32_t rows) {
  return WireWriter()
      .raw("assay/toploc/fingerprint/v1")
      .raw(seed(1))
      .u32(hidden)
      .u32(dimensions)
      .u32(rows)
      .take();
}

ErrorCode code_of(const Bytes& bytes) { return Fingerprint::decode(bytes, "f").error().code; }

TEST(Fingerprint, RefusesOtherBytes) {
  const Bytes bytes = of(states(5, 4)).encode();
  for (std::size_t length = 0; length < bytes.size(); ++length)
    ASSERT_FALSE(Fingerprint::decode({bytes.data(), length}, "").ok()) << length;
  Bytes longer = bytes;
  longer.push_back(0);
  EXPECT_EQ(code_of(longer), ErrorCode::kMalformed);
  Bytes tagged_otherwise = bytes;
  tagged_otherwise[26] = '2';
  EXPECT_EQ(code_of(tagged_otherwise), ErrorCode::kUnsupported);
  EXPECT_EQ(code_of(header(0, 1, 0)), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_of(header(Fingerprint::kMaxHidden + 1, 1, 0)), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_of(header(1, 0, 0)), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_of(header(1, Fingerprint::kMaxDimensions + 1, 0)), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_of(header(1, 1, UINT32_MAX)), ErrorCode::kTooLarge);
  const Bytes widest = header(Fingerprint::kMaxHidden, Fingerprint::kMaxDimensions, 0);
  EXPECT_EQ(Fingerprint::decode(widest, "f").value().hidden, Fingerprint::kMaxHidden);
  Bytes infinite = header(1, 1, 1);
  infinite.insert(infinite.end(), {0x00, 0x00, 0x80, 0x7f});
  EXPECT_EQ(code_of(infinite), ErrorCode::kOutOfRange);
}

TEST(Fingerprint, RefusesStatesItCannotProject) {
  const auto code = [](std::vector<float> values, std::uint32_t hidden, std::uint32_t dimensions) {
    return Fingerprint::project(values, hidden, seed(1), dimensions).error().code;
  };
  EXPECT_EQ(code({1, 2, 3}, 2, 4), ErrorCode::kMismatch);
  EXPECT_EQ(code({1, 2}, 0, 4), ErrorCode::kOutOfRange);
  EXPECT_EQ(code({1, 2}, 2, 0), ErrorCode::kOutOfRange);
  EXPECT_EQ(code({1, 2}, 2, Fingerprint::kMaxDimensions + 1), ErrorCode::kOutOfRange);
  EXPECT_EQ(code(std::vector<float>(Fingerprint::kMaxValues / 1024 + 1), 1, 1024), ErrorCode::kOutOfRange);
  // As many rows as are taken are asked for their shape.
  const std::vector<float> most(Fingerprint::kMaxValues / 1024);
  EXPECT_EQ(verify({seed(1), 1, 1024, {}}, {most, 1}, seed(1), 1024, with_bound(0.05)).value().step(),
            "shape");
  const std::vector<float> largest{std::numeric_limits<float>::max()};
  EXPECT_EQ(std::fabs(Fingerprint::project(largest, 1, seed(1), 1).value().values[0]), largest[0]);
  const Bits with_nan{0, 0, 0x7fc0, 0};
  EXPECT_EQ(Fingerprint::project(with_nan, 2, seed(1), 4).error().reason, "row 1 holds an infinity or NaN");
  // Each a float, and their sum none.
  std::vector<float> huge = states(1, 3);
  std::ranges::fill(row_of(huge, 2), std::numeric_limits<float>::max());
  EXPECT_EQ(Fingerprint::project(huge, kFingerprintHidden, seed(1), kDimensions).error().to_string(),
            "states: row 2 holds values so large that their projection overflows");
}

TEST(FingerprintDistance, IsThatOfTheWorstRow) {
  const Fingerprint own{seed(1), 9, 2, {3, 4, 6, 8}};
  Fingerprint theirs{seed(1), 9, 2, {3, 4, 6.6F, 8.8F}};
  EXPECT_NEAR(distance(theirs, own).value(), 0.1, 1e-6);
  theirs.values = {3.6F, 4.8F, 6.6F, 8.8F};
  EXPECT_NEAR(distance(theirs, own).value(), 0.2, 1e-6);
  EXPECT_EQ(distance(own, own).value(), 0);
  const Fingerprint zero{seed(1), 9, 2, {0, 0, 0, 0}};
  EXPECT_EQ(distance(zero, zero).value(), 0);
  EXPECT_EQ(distance(zero, own).value(), 1);
  EXPECT_EQ(distance(theirs, zero).value(), std::numeric_limits<double>::infinity());
  EXPECT_EQ(distance(own, {seed(1), 9, 2, {3, 4, 0, 0}}).value(), std::numeric_limits<double>::infinity());
  EXPECT_EQ(distance({seed(1), 9, 2, {}}, {seed(1), 9, 2, {}}).value(), 0);
  theirs.hidden = 8;
  EXPECT_EQ(distance(theirs, own).error().code, ErrorCode::kMismatch);
  theirs = {seed(2), 9, 2, {3, 4, 0, 0}};
  EXPECT_EQ(distance(theirs, own).error().code, ErrorCode::kMismatch);
  theirs = {seed(1), 9, 4, {3, 4, 0, 0}};  // as many numbers, of half as many rows
  EXPECT_EQ(distance(theirs, own).error().code, ErrorCode::kMismatch);
  theirs = {seed(1), 9, 2, {3, 4, 0}};
  EXPECT_EQ(theirs.validate().error().code, ErrorCode::kMismatch);
  EXPECT_EQ(distance(theirs, own).error().code, ErrorCode::kMismatch);
  theirs = {seed(1), 9, 2, {3, 4, 0, std::numeric_limits<float>::quiet_NaN()}};
  EXPECT_EQ(distance(theirs, own).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(distance(own, theirs).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ((Fingerprint{seed(1), 0, 2, {}}.validate().error().code), ErrorCode::kOutOfRange);
  EXPECT_EQ((Fingerprint{seed(1), 9, 0, {}}.validate().error().code), ErrorCode::kOutOfRange);
}

TEST(FingerprintVerify, TellsStatesApart) {
  const std::vector<float> own = states(6, 40);
  EXPECT_TRUE(judged(of(scaled(own, 0.004F)), own).ok());
  EXPECT_EQ(judged(of(scaled(own, 0.2F)), own).step(), "distance");
  EXPECT_EQ(judged(of(states(7, 40)), own).step(), "distance");
  EXPECT_EQ(judged(of(own, 2), own).step(), "seed");
  const Verdict shorter = judged(of(states(6, 39)), own);
  EXPECT_EQ(shorter.step(), "shape");
  EXPECT_EQ(shorter.reason(), "39 rows of 24 from a width of 200, against 40 rows of 24 from a width of 200");
  Fingerprint other = of(own);
  other.hidden = 199;
  EXPECT_EQ(judged(other, own).step(), "shape");
  other = Fingerprint::project(own, kFingerprintHidden, seed(1), kDimensions * 2).value();
  EXPECT_EQ(judged(other, own).step(), "shape");
  // Signs are seen: each value's turned about.
  std::vector<float> negated = own;
  for (float& value : negated) value = -value;
  EXPECT_EQ(judged(of(negated), own).step(), "distance");
  Fingerprint broken = of(own);
  broken.values[3] = std::numeric_limits<float>::infinity();
  EXPECT_EQ(judged(broken, own).step(), "shape");
  EXPECT_EQ(judged(broken, own).outcome(), Outcome::kRejected);
}

TEST(FingerprintVerify, TakesBf16) {
  const Bits own = TorchNormal(3).draw(kFingerprintHidden * 5);
  const Fingerprint theirs = Fingerprint::project(own, kFingerprintHidden, seed(1), kDimensions).value();
  const Verdict verdict =
      verify(theirs, {own, kFingerprintHidden}, seed(1), kDimensions, with_bound(0)).value();
  EXPECT_TRUE(verdict.ok());
  EXPECT_EQ(verdict.checks(), (std::vector<Verdict::Check>{{"seed", Grade::kRecomputed},
                                                           {"shape", Grade::kRecomputed},
                                                           {"distance", Grade::kRecomputed}}));
}

// Over all rows, one that is much longer than the others would be all that counts.
TEST(FingerprintVerify, ALongRowHidesNoOther) {
  std::vector<float> own = states(8, 64);
  for (float& value : row_of(own, 11)) value *= 1e4F;
  Fingerprint theirs = of(own);
  for (std::size_t i = 0; i < theirs.values.size(); ++i) {
    if (i / kDimensions != 11) theirs.values[i] = 0;
  }
  const Verdict verdict = judged(theirs, own);
  EXPECT_EQ(step_of(verdict), "distance");
  EXPECT_EQ(verdict.item(), 0u);
  EXPECT_EQ(verdict.reason(),
            "relative distance 1 in row 0, the profile 'published' asks for at most 0.05 in each");
  EXPECT_EQ(verdict.figure("relative distance, worst row")->value, Figure::Value(1.0));
}

// Each row is judged, wherever it is.
TEST(FingerprintVerify, EveryRowIsJudged) {
  const std::vector<float> own = states(8, 64);
  for (const std::size_t row : {0u, 31u, 63u}) {
    Fingerprint theirs = of(own);
    for (std::size_t j = 0; j < kDimensions; ++j) theirs.values[row * kDimensions + j] *= 1.1F;
    const Verdict verdict = judged(theirs, own);
    EXPECT_EQ(step_of(verdict), "distance") << row;
    EXPECT_EQ(verdict.item(), row);
  }
}

TEST(FingerprintVerify, RefusesWhatNeedsNoModel) {
  const std::vector<float> own = states(8, 64);
  const auto step_with = [&](const std::function<void(std::vector<float>&)>& change) {
    Fingerprint theirs = of(own);
    change(theirs.values);
    return step_of(judged(theirs, own));
  };
  EXPECT_EQ(step_with([](auto&) {}), "accepted");
  EXPECT_EQ(step_with([](auto& values) { std::ranges::fill(values, 0.0F); }), "distance");
  EXPECT_EQ(step_with([](auto& values) { std::ranges::fill(values, -0.0F); }), "distance");
  for (const float constant : {1e-30F, 0.5F, 3.0F, -3.0F, 3e38F})
    EXPECT_EQ(step_with([&](auto& values) { std::ranges::fill(values, constant); }), "distance") << constant;
  // One row again and again, another's row, all rows a place on.
  EXPECT_EQ(step_with([](auto& values) {
              for (std::size_t i = kDimensions; i < values.size(); ++i) values[i] = values[i - kDimensions];
            }),
            "distance");
  EXPECT_EQ(step_with([](auto& values) {
              std::copy_n(values.begin(), kDimensions, values.begin() + 7 * kDimensions);
            }),
            "distance");
  EXPECT_EQ(step_with([](auto& values) {
              std::rotate(values.begin(), values.begin() + kDimensions, values.end());
            }),
            "distance");
  // An old answer's, under the same seed, and under its own.
  EXPECT_EQ(step_of(judged(of(states(9, 64)), own)), "distance");
  EXPECT_EQ(step_of(judged(of(own, 9), own)), "seed");
}

TEST(FingerprintVerify, TheBoundIsInclusive) {
  const std::vector<float> own = states(6, 4);
  const Fingerprint theirs = of(scaled(own, 0.004F));
  const double exact = distance(theirs, of(own)).value();
  EXPECT_TRUE(judged(theirs, own, with_bound(exact)).ok());
  EXPECT_EQ(judged(theirs, own, with_bound(std::nextafter(exact, 0.0))).step(), "distance");
  EXPECT_EQ(judged(theirs, own, with_bound(std::nan(""))).step(), "distance");
}

TEST(FingerprintVerify, IsInconclusiveWithoutABound) {
  const std::vector<float> own = states(6, 4);
  const Verdict verdict = judged(of(own), own, Profile::published());
  EXPECT_EQ(step_of(verdict), "inconclusive: profile");
  EXPECT_EQ(verdict.figure("relative distance, worst row")->bound, std::nullopt);
}

TEST(FingerprintVerify, IsInconclusiveWhereTheOwnStatesSayNothing) {
  const auto found = [](const std::function<void(std::vector<float>&)>& change) {
    std::vector<float> own = states(6, 4);
    const Fingerprint theirs = of(own);
    change(own);
    const Verdict verdict = judged(theirs, own);
    EXPECT_EQ(step_of(verdict), "inconclusive: states");
    EXPECT_FALSE(verdict.figure("relative distance, worst row"));
    return verdict;
  };
  const auto filled = [&](std::size_t row, float value) {
    const Verdict verdict = found([&](auto& own) { std::ranges::fill(row_of(own, row), value); });
    EXPECT_EQ(verdict.item(), row);
    return verdict.reason();
  };
  EXPECT_EQ(filled(2, 0), "of the verifier's own states row 2 has one value throughout");
  EXPECT_EQ(filled(1, -0.0F), "of the verifier's own states row 1 has one value throughout");
  EXPECT_EQ(filled(3, 0.25F), "of the verifier's own states row 3 has one value throughout");
  const float huge = std::numeric_limits<float>::max();
  EXPECT_EQ(filled(2, huge), "of the verifier's own states row 2 has one value throughout");
  for (const float value :
       {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    const Verdict verdict = found([&](auto& own) { own[3 * kFingerprintHidden + 7] = value; });
    EXPECT_EQ(verdict.reason(), "of the verifier's own states row 3 holds an infinity or NaN");
    EXPECT_EQ(verdict.item(), 3u);
  }
  EXPECT_EQ(found([&](auto& own) {
              for (float& value : row_of(own, 1)) value = std::copysign(huge, value);
            }).reason(),
            "of the verifier's own states row 1 holds values so large that their projection overflows");
  // So small that the sums are none.
  EXPECT_EQ(found([](auto& own) {
              std::ranges::fill(row_of(own, 1), 0.0F);
              own[kFingerprintHidden] = std::numeric_limits<float>::denorm_min();
            }).reason(),
            "of the verifier's own states row 1 has a fingerprint of zeros");
  EXPECT_EQ(found([](auto& own) {
              for (std::size_t i = kFingerprintHidden; i < own.size(); ++i)
                own[i] = own[i - kFingerprintHidden];
            }).reason(),
            "of the verifier's own states all rows are alike");
  EXPECT_EQ(step_of(judged(of({}), {})), "inconclusive: states");
  // One row alone is like no other.
  const std::vector<float> one = states(6, 1);
  EXPECT_EQ(step_of(judged(of(one), one)), "accepted");
}

// Where a few dimensions outweigh all others, whoever knows these passes without a row of the model's.
TEST(FingerprintVerify, IsInconclusiveWhereOneRowWouldPassForMany) {
  std::vector<float> own = states(6, 64);
  for (float& value : own) value *= 0.1F;
  std::vector<float> known(own.size(), 0.0F);
  for (std::vector<float>* values : {&own, &known}) {
    for (std::size_t row = 0; row < 64; ++row) {
      row_of(*values, row)[7] += 60;
      row_of(*values, row)[99] -= 45;
    }
  }
  for (const Fingerprint& theirs : {of(known), of(own)}) {
    const Verdict verdict = judged(theirs, own);
    EXPECT_EQ(step_of(verdict), "inconclusive: states");
    EXPECT_EQ(verdict.reason(), "of the verifier's own states one row would pass for all 64");
    EXPECT_TRUE(verdict.figure("relative distance, worst row"));
  }
  // A bound that tells the rows apart decides.
  EXPECT_EQ(step_of(judged(of(own), own, with_bound(0.001))), "accepted");
  EXPECT_EQ(step_of(judged(of(known), own, with_bound(0.001))), "distance");
}

TEST(FingerprintVerify, IsInconclusiveWhereRowsRepeatOthers) {
  const auto with_repeated = [](std::size_t repeated) {
    std::vector<float> own = states(6, 8);
    for (std::size_t row = 1; row <= repeated; ++row)
      std::ranges::copy(row_of(own, row - 1), row_of(own, row).begin());
    return judged(of(own), own);
  };
  EXPECT_EQ(step_of(with_repeated(3)), "accepted");
  EXPECT_EQ(with_repeated(4).reason(),
            "of the verifier's own states, for 4 of 8 rows the row before would pass");
  EXPECT_EQ(step_of(with_repeated(6)), "inconclusive: states");
}

// The bound on repetition is that of the profile, to the last bit.
TEST(FingerprintVerify, ARowWithinTheBoundOfTheRowBeforeRepeatsIt) {
  std::vector<float> own = states(6, 4);
  for (const auto& [row, before, factor] : {std::tuple(1, 0, 1.03F), {3, 2, 1.001F}}) {
    std::ranges::copy(row_of(own, static_cast<std::size_t>(before)),
                      row_of(own, static_cast<std::size_t>(row)).begin());
    for (float& value : row_of(own, static_cast<std::size_t>(row))) value *= factor;
  }
  const Fingerprint all = of(own);
  const auto row = [&](std::size_t i) {
    Fingerprint one = all;
    one.values.assign(all.values.begin() + static_cast<std::ptrdiff_t>(i * kDimensions),
                      all.values.begin() + static_cast<std::ptrdiff_t>((i + 1) * kDimensions));
    return one;
  };
  const double apart = distance(row(0), row(1)).value();
  EXPECT_EQ(judged(all, own, with_bound(apart)).reason(),
            "of the verifier's own states, for 2 of 4 rows the row before would pass");
  EXPECT_EQ(step_of(judged(all, own, with_bound(std::nextafter(apart, 0)))), "accepted");
  const std::vector<float> two(own.begin() + 2 * kFingerprintHidden, own.end());
  EXPECT_EQ(judged(of(two), two).reason(), "of the verifier's own states one row would pass for all 2");
}

TEST(FingerprintVerify, OfWhatTheVerifierCannotAskIsAnError) {
  const std::vector<float> own = states(6, 4);
  const auto error_of = [&](std::uint32_t hidden, std::uint32_t dimensions) {
    return verify(of(own), {own, hidden}, seed(1), dimensions, with_bound(0.05)).error().to_string();
  };
  EXPECT_EQ(error_of(kFingerprintHidden, 0), "dimensions: 0 is not in 1 to 1024");
  EXPECT_EQ(error_of(0, kDimensions), "hidden: 0 is not in 1 to 65536");
  EXPECT_EQ(error_of(199, kDimensions), "states: 800 values are not whole rows of 199");
}

}  // namespace
}  // namespace assay::toploc
