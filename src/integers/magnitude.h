// The integers of a view as machine words, and how large they are.
#pragma once

#include <cstdint>

#include "assay/integers.h"

namespace assay {

using Int128 = __int128;
using UInt128 = unsigned __int128;

/// What max_magnitude says of anything larger.
inline constexpr UInt128 kHuge = UInt128{1} << 126;

/// max |value|, or kHuge when that is larger; 0 for an empty view.
[[nodiscard]] UInt128 max_magnitude(IntegerView values);

/// |value| of a scalar as a signed integer, or kHuge when that is larger.
[[nodiscard]] UInt128 magnitude_of(const Scalar& value);

/// An element of a view as a signed word that is known to hold it.
template <class Word, class T>
[[nodiscard]] Word to_word(T value) {
  return static_cast<Word>(value);
}
template <class Word>
[[nodiscard]] Word to_word(const Scalar& value) {
  const Word magnitude = static_cast<Word>(magnitude_of(value));
  return value.is_negative() ? -magnitude : magnitude;
}

/// The residue of a signed 128-bit integer, |value| < 2^127.
[[nodiscard]] Scalar to_scalar(Int128 value);

}  // namespace assay
