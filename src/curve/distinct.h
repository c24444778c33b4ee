// The distinct magnitudes among integers: what a neural network computes in 16 bits stays a small set of
// numbers, however wide the integers are that it is written in.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "curve/windows.h"

namespace assay::curve {

/// Numbers the distinct magnitudes other than 0 in the order of their coming: a hash table with open
/// addressing. Data chosen against the hash are given up on, and never numbered wrongly.
template <class Int>
class Distinct {
  using M = Magnitude<Int>;

 public:
  using Wide = typename M::Wide;

  /// As many as sources of 16 bits have.
  static constexpr std::size_t kMost = std::size_t{1} << 16;

  explicit Distinct(std::size_t most) : most_(std::min(most, kMost)), slots_(kFirstSlots, kEmpty) {}

  /// The number of a magnitude, or kNone where it would be one too many or is hard to find.
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  [[nodiscard]] std::uint32_t number(const Wide& magnitude) {
    for (unsigned probe = 0; probe < kMaxProbes; ++probe) {
      std::uint32_t& slot = slots_[(hash(magnitude) + probe) & (slots_.size() - 1)];
      if (slot == kEmpty) {
        if (magnitudes_.size() == most_) return kNone;
        slot = static_cast<std::uint32_t>(magnitudes_.size());
        magnitudes_.push_back(magnitude);
        const std::uint32_t out = slot;
        if (magnitudes_.size() * 2 > slots_.size()) grow();
        return out;
      }
      if (magnitudes_[slot] == magnitude) return slot;
    }
    return kNone;
  }

  [[nodiscard]] std::span<const Wide> magnitudes() const { return magnitudes_; }

  /// Whether a sample of the values looks as if there were at most kMost. Sources of 16 bits repeat
  /// themselves some hundred times in it even where all their patterns are equally frequent.
  [[nodiscard]] static bool is_likely(std::span<const Int> values) {
    constexpr std::size_t kSample = 4096, kRepeats = 64;
    if (values.size() < kSample) return true;
    Distinct seen(kSample);
    std::size_t repeats = 0;
    const std::size_t stride = values.size() / kSample;
    for (std::size_t i = 0; i < kSample; ++i) {
      const Wide magnitude = M::of(values[i * stride]);
      const std::size_t before = seen.magnitudes_.size();
      if (magnitude == Wide{} || (seen.number(magnitude) != kNone && seen.magnitudes_.size() == before))
        ++repeats;
    }
    return repeats >= kRepeats;
  }

 private:
  static constexpr std::size_t kFirstSlots = std::size_t{1} << 12;
  static constexpr std::uint32_t kEmpty = ~std::uint32_t{0};
  static constexpr unsigned kMaxProbes = 256;

  [[nodiscard]] std::size_t hash(const Wide& magnitude) const {
    std::uint64_t mixed = 0;
    if constexpr (std::is_same_v<Wide, std::uint64_t>) {
      mixed = magnitude;
    } else {
      for (const std::uint64_t word : magnitude) mixed = (std::rotl(mixed, 25) ^ word) * kOdd;
    }
    // The upper half of a product depends on all bits below it.
    mixed = (mixed ^ mixed >> 32) * kOdd;
    return static_cast<std::size_t>(mixed >> 32);
  }
  static constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;  // 2^64 over the golden ratio

  void grow() {
    slots_.assign(slots_.size() * 2, kEmpty);
    for (std::uint32_t i = 0; i < magnitudes_.size(); ++i) {
      std::size_t at = hash(magnitudes_[i]) & (slots_.size() - 1);
      while (slots_[at] != kEmpty) at = (at + 1) & (slots_.size() - 1);
      slots_[at] = i;
    }
  }

  std::size_t most_;
  std::vector<std::uint32_t> slots_;
  std::vector<Wide> magnitudes_;
};

}  // namespace assay::curve
