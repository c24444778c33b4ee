#include "integers/magnitude.h"

#include <algorithm>
#include <type_traits>
#include <vector>

#include "base/check.h"
#include "base/threads.h"

namespace assay {
namespace {

constexpr std::size_t kChunk = std::size_t{1} << 16;

template <class T>
UInt128 magnitude(const T& value) {
  if constexpr (std::is_same_v<T, Scalar>) {
    return magnitude_of(value);
  } else {
    const Int128 wide = std::int64_t{value};
    return static_cast<UInt128>(wide < 0 ? -wide : wide);
  }
}

}  // namespace

UInt128 magnitude_of(const Scalar& value) {
  const Scalar absolute = value.magnitude();
  if (absolute.bit_width() > 126) return kHuge;
  return UInt128{absolute.words[1]} << 64 | absolute.words[0];
}

UInt128 max_magnitude(IntegerView values) {
  return values.visit([](const auto& span) {
    std::vector<UInt128> maxima((span.size() + kChunk - 1) / kChunk);
    parallel_for(0, maxima.size(), 1, [&](std::size_t first, std::size_t last) {
      for (std::size_t chunk = first; chunk < last; ++chunk)
        for (const auto& value : span.subspan(chunk * kChunk, std::min(kChunk, span.size() - chunk * kChunk)))
          maxima[chunk] = std::max(maxima[chunk], magnitude(value));
    });
    return maxima.empty() ? UInt128{0} : *std::max_element(maxima.begin(), maxima.end());
  });
}

Scalar to_scalar(Int128 value) {
  const UInt128 absolute = static_cast<UInt128>(value < 0 ? -value : value);
  const std::array<std::uint64_t, 4> words{static_cast<std::uint64_t>(absolute),
                                           static_cast<std::uint64_t>(absolute >> 64), 0, 0};
  return Scalar::from_magnitude(value < 0, words, "quotient").value();
}

}  // namespace assay
