// What an Srs holds, and the one way into it for the room's own code and tests.
#pragma once

#include <optional>

#include "assay/kzg.h"
#include "base/file.h"
#include "base/large_array.h"

namespace assay::kzg {

struct Srs::State {
  VerifierKey key;
  std::optional<MappedFile> file;  // of an SRS that was opened,
  LargeArray<G1Affine> storage;    // or the points of one that was made
  std::span<const G1Affine> basis;
  std::vector<Digest> chunk_digests;
};

struct SrsAccess {
  static Srs from_file(VerifierKey key, MappedFile file, std::span<const G1Affine> basis,
                       std::vector<Digest> chunk_digests);
  static Srs from_points(VerifierKey key, LargeArray<G1Affine> points, std::vector<Digest> chunk_digests);
};

/// The memory of points, as it is hashed and written: x || y, each four limbs, in Montgomery form.
[[nodiscard]] inline ByteSpan raw_bytes(std::span<const G1Affine> points) {
  return {reinterpret_cast<const std::uint8_t*>(points.data()), points.size_bytes()};
}

namespace internal {

/// How many digests the basis of so many values has.
[[nodiscard]] constexpr std::uint64_t chunk_count(std::uint64_t size) {
  return size <= Srs::kChunk ? 1 : size / Srs::kChunk;
}

/// The digests of whole chunks, or of all points where these are fewer than a chunk.
[[nodiscard]] std::vector<Digest> digests_of(std::span<const G1Affine> points);

/// What a key holds of the chunks' digests.
[[nodiscard]] Digest basis_digest(std::span<const Digest> chunk_digests);

/// Errors: kOutOfRange.
[[nodiscard]] Status check_log_size(unsigned log_size);

/// tau of the dev SRS.
[[nodiscard]] Fr dev_secret(std::uint64_t seed);

/// L_i(tau) for every place of the domain.
[[nodiscard]] std::vector<Fr> lagrange_at(const RootDomain& domain, const Fr& tau);

}  // namespace internal
}  // namespace assay::kzg
