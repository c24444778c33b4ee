// The frame of a .ptau file: iden3's container of numbered sections, as snarkjs 0.7 writes it.
#pragma once

#include <optional>
#include <string_view>

#include "assay/kzg.h"

namespace assay::kzg::internal {

/// The sections that an SRS is made of, where they lie in the file.
struct PtauFile {
  unsigned power;                    ///< p: 2^(p+1) - 1 powers in G1, 2^p in G2
  ByteSpan tau_g1;                   ///< [tau^i]_1, 64 bytes each
  ByteSpan tau_g2;                   ///< [tau^i]_2, 128 bytes each
  std::optional<ByteSpan> lagrange;  ///< the bases of 2^0, 2^1, .. 2^(p+1) nodes, 64 bytes a point

  /// The basis of 2^log_size nodes, in natural order; log_size is at most `power`: that of 2^(p+1) nodes
  /// lacks a power and is none.
  [[nodiscard]] ByteSpan basis(unsigned log_size) const;
};

/// Sections may stand in any order, each once; all have the sizes that the power asks for, and they cover the
/// file. Errors: kMalformed, kUnsupported (version, section), kOutOfRange (power), kMismatch (another curve).
[[nodiscard]] Result<PtauFile> parse_ptau(ByteSpan file, std::string_view place);

/// Points `first` to `first + out.size()` of a section, as they lie in memory. Not looked at.
void read_points(ByteSpan section, std::size_t first, std::span<G1Affine> out);

/// A point of a section of G2: canonical, in the subgroup, not infinity. Errors: kMalformed.
[[nodiscard]] Result<G2Affine> read_g2(ByteSpan section, std::size_t index, std::string_view place);

/// The power of the published file whose BLAKE2b-512 this file has, or 0.
[[nodiscard]] unsigned published_power(ByteSpan file, unsigned power);

}  // namespace assay::kzg::internal
