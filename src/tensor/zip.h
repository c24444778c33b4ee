// The stored zip archives that torch writes (PKWARE APPNOTE 6.3.10), read strictly.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tensor/source.h"

namespace assay::tensor {

struct ZipRecord {
  std::string name;
  ByteSpan data;
};

/// All records in the order of the file. Every byte belongs to a record, the central directory or its end
/// records. Errors: kMalformed; kUnsupported (compression, encryption, comment); kTooLarge.
[[nodiscard]] Result<std::vector<ZipRecord>> parse_zip(const Source& source);

}  // namespace assay::tensor
