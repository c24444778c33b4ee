// The bytes of an SRS file: a header page, the chunks' digests, and from a page boundary on the basis.
#pragma once

#include <cstdint>
#include <string_view>

#include "assay/kzg.h"

namespace assay::kzg::internal {

inline constexpr std::size_t kSrsPage = 4096;
inline constexpr std::string_view kKeyMagic = "ASSAYKVK", kSrsMagic = "ASSAYKZG";

/// Where the basis begins, and where the file ends. The chunks' digests begin at kSrsPage.
struct SrsLayout {
  std::uint64_t basis_offset;
  std::uint64_t file_size;
};
[[nodiscard]] SrsLayout srs_layout(unsigned log_size);

/// All bytes before the basis: srs_layout().basis_offset of them.
[[nodiscard]] Bytes encode_srs_head(const VerifierKey& key, std::span<const Digest> chunk_digests);

struct SrsHead {
  VerifierKey key;
  std::vector<Digest> chunk_digests;
};

/// Reads what lies before the basis of a whole SRS file, and checks the file's length and that all padding is
/// zero. The points are not looked at. Errors: kMalformed, kNonCanonical, kUnsupported, kMismatch, and those
/// of VerifierKey::decode.
[[nodiscard]] Result<SrsHead> parse_srs_file(ByteSpan file, std::string_view place);

}  // namespace assay::kzg::internal
