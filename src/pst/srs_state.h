// What an Srs holds, and the one way into it for the room's own code and tests.
#pragma once

#include <optional>

#include "assay/pst.h"
#include "base/file.h"
#include "base/large_array.h"

namespace assay::pst {

struct Srs::State {
  VerifierKey key;
  std::optional<MappedFile> file;                 // of an SRS that was opened,
  std::vector<LargeArray<G1Affine>> storage;      // or the points of one that was made
  std::vector<std::span<const G1Affine>> levels;  // 0..m-1
};

struct SrsAccess {
  static Srs from_file(VerifierKey key, MappedFile file, std::vector<std::span<const G1Affine>> levels);
  static Srs from_points(VerifierKey key, std::vector<LargeArray<G1Affine>> points);
};

/// The memory of points, as it is hashed and written: x || y, each four limbs, in Montgomery form.
[[nodiscard]] inline ByteSpan raw_bytes(std::span<const G1Affine> points) {
  return {reinterpret_cast<const std::uint8_t*>(points.data()), points.size_bytes()};
}

}  // namespace assay::pst
