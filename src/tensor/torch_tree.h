// From the pickle of a .pt file to named tensors.
#pragma once

#include <map>

#include "tensor/pickle.h"
#include "tensor/source.h"

namespace assay::tensor {

/// What data.pkl may contain.
[[nodiscard]] PickleRules torch_rules();

/// The records data/<key>, by key.
using StorageRecords = std::map<std::string, ByteSpan, std::less<>>;

/// Fills tensors and metadata of `file`; `max_bytes` bounds all tensors together. Errors: kMalformed (a tree
/// that torch.save does not make, tensors outside their storage, records without storage), kTooLarge,
/// kUnsupported.
[[nodiscard]] Status read_torch_tree(const Source& source, const Pickle& pickle,
                                     const StorageRecords& records, std::uint64_t max_bytes,
                                     TensorFile& file);

}  // namespace assay::tensor
