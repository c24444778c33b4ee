// The bytes of a spectra file. docs/layers.md has the format.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "assay/layers_scoring.h"

namespace assay::layers::internal {

struct SpectrumRecord {
  SpectrumKey key;
  Spectrum spectrum;
  friend bool operator==(const SpectrumRecord&, const SpectrumRecord&) = default;
};

/// What the file starts with.
[[nodiscard]] Bytes spectra_header();
[[nodiscard]] Bytes encode_record(const SpectrumRecord& record);
/// A body of a record with its size before it and its checksum behind.
[[nodiscard]] Bytes seal_body(ByteSpan body);

struct SpectraContent {
  std::vector<SpectrumRecord> records;
  std::size_t whole_bytes = 0;  ///< up to the end of the last record; what is behind was cut off within one
};

/// A file of any age: an empty one has no records yet. A last record that is not all there, or whose checksum
/// is wrong, is not taken. Errors: kMalformed (another format, a checksum or a field that is wrong before the
/// last record), kNonCanonical (a key twice, fields that no scoring writes), kTooLarge, kUnsupported.
[[nodiscard]] Result<SpectraContent> decode_spectra(ByteSpan bytes, std::string_view place);

}  // namespace assay::layers::internal
