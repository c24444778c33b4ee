// Inputs of the published vectors, and states like those of a model, for tests and benchmarks.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "assay/base.h"
#include "assay/toploc_fingerprint.h"
#include "assay/toploc_verdict.h"

namespace assay::toploc {

using Bits = std::vector<std::uint16_t>;

inline float from_bf16(std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16); }

/// Rounds to nearest, ties to even; NaN to 0x7fc0.
inline std::uint16_t to_bf16(float value) {
  if (std::isnan(value)) return 0x7fc0;
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

inline float rounded(float value) { return from_bf16(to_bf16(value)); }

/// What torch.randn(count, dtype=bfloat16) draws on a CPU after manual_seed, for calls of 16 numbers or more:
/// Box and Muller on 16 numbers at a time, every step rounded to bf16; a rest of less than 16 draws the last
/// 16 anew.
class TorchNormal {
 public:
  explicit TorchNormal(std::uint32_t seed) : generator_(seed) {}

  Bits draw(std::size_t count) {
    std::vector<float> values(count);
    for (float& value : values) value = uniform();
    for (std::size_t i = 0; i + 16 <= count; i += 16) transform(&values[i]);
    if (count % 16 != 0) {
      for (std::size_t i = count - 16; i < count; ++i) values[i] = uniform();
      transform(&values[count - 16]);
    }
    Bits bits(count);
    std::ranges::transform(values, bits.begin(), to_bf16);
    return bits;
  }

 private:
  float uniform() { return static_cast<float>(generator_() & 255) / 256; }

  static void transform(float* d) {
    for (std::size_t j = 0; j < 8; ++j) {
      const float u1 = rounded(1 - d[j]);
      const float u2 = d[j + 8];
      const float radius = rounded(std::sqrt(rounded(-2 * rounded(std::log(u1)))));
      const float theta = rounded(static_cast<float>(2 * 3.14159265358979323846 * static_cast<double>(u2)));
      d[j] = rounded(radius * rounded(std::cos(theta)));
      d[j + 8] = rounded(radius * rounded(std::sin(theta)));
    }
  }

  std::mt19937 generator_;
};

/// Steele, Lea and Flood's generator, as the published vectors use it.
class SplitMix64 {
 public:
  explicit SplitMix64(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  }

 private:
  std::uint64_t state_;
};

inline Bits splitmix_states(std::uint64_t seed, std::size_t count) {
  SplitMix64 random(seed);
  Bits bits;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t r = random.next();
    bits.push_back(static_cast<std::uint16_t>((r & 1) << 15 | (0x70 + (r >> 1) % 22) << 7 | (r >> 8 & 0x7f)));
  }
  return bits;
}

/// The states that a slightly different machine would have had.
inline Bits perturbed(Bits bits, std::uint64_t seed) {
  SplitMix64 random(seed ^ 0xa5a5a5a5);
  for (std::uint16_t& value : bits) {
    const std::uint64_t r = random.next();
    const std::uint64_t choice = r % 16;
    if (choice == 0) {
      value = static_cast<std::uint16_t>(value + 0x80);
    } else if (choice <= 8) {
      const int step = static_cast<int>(1 + (r >> 8) % 3);
      const int mantissa = std::clamp((value & 0x7f) + ((r >> 16 & 1) != 0 ? step : -step), 0, 127);
      value = static_cast<std::uint16_t>((value & ~0x7f) | mantissa);
    }
  }
  return bits;
}

/// `chunks` chunks of `length` values each.
inline std::vector<std::uint64_t> equal_chunks(std::size_t chunks, std::uint64_t length) {
  return std::vector<std::uint64_t>(chunks, length);
}

/// "accepted", or the step that says no.
inline std::string step_of(const Verdict& verdict) {
  if (verdict.ok()) return "accepted";
  return (verdict.outcome() == Outcome::kInconclusive ? "inconclusive: " : "") + verdict.step();
}

inline std::vector<Bytes> encoded(const std::vector<Proof>& proofs) {
  std::vector<Bytes> bytes;
  for (const Proof& proof : proofs) bytes.push_back(proof.encode());
  return bytes;
}

/// Proofs without a word, of k values, against chunks of any lengths, of 32 rows each.
inline Verification verify_chunks(const std::vector<Bytes>& proofs, const Bits& values,
                                  const std::vector<std::uint64_t>& lengths, std::uint32_t k,
                                  const Profile& profile, const Conditions& conditions = {}) {
  Asked asked;
  asked.parameters.topk = k;
  States states;
  states.rows = lengths.size() * asked.parameters.batching.decode_batching_size;
  states.values = values;
  states.lengths = lengths;
  return verify(Offer{proofs}, asked, states, profile, conditions).value();
}

/// The text with the first place of `from` changed.
inline std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

}  // namespace assay::toploc
