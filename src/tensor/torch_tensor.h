// Tensors as torch._utils._rebuild_tensor_v2 describes them: a storage, an offset, sizes and strides.
#pragma once

#include <unordered_map>

#include "tensor/torch_tree.h"

namespace assay::tensor {

/// The names that torch_rules() allows, by index; storage classes are the last.
enum TorchName : std::size_t { kRebuildTensor, kOrderedDict, kTorchSize, kFirstStorage };

class TorchTensors {
 public:
  using Id = Pickle::Id;
  using Kind = Pickle::Kind;

  TorchTensors(const Source& source, const Pickle& pickle, std::uint64_t max_bytes)
      : source_(source), pickle_(pickle), bytes_left_(max_bytes) {}

  /// Checks every persistent id of the pickle against the records, and that each record has one.
  [[nodiscard]] Status resolve_storages(const StorageRecords& records);

  [[nodiscard]] bool is_tensor(Id id) const;

  /// The tensor of a node that is_tensor; copied where it is not contiguous.
  [[nodiscard]] Result<TensorView> read(Id id, std::string name);

 private:
  struct Storage {
    Dtype dtype = Dtype::kF32;
    ByteSpan bytes;
  };

  struct Geometry {
    std::uint64_t offset = 0;
    Shape sizes;
    Shape strides;
    std::uint64_t count = 0;
  };

  [[nodiscard]] Result<Storage> storage_of(Id persistent, const StorageRecords& records,
                                           std::string& key) const;
  [[nodiscard]] Result<Shape> numbers(Id id, const std::string& name) const;
  [[nodiscard]] Result<Geometry> geometry(std::span<const Id> arguments, std::uint64_t numel,
                                          const std::string& name) const;

  const Source& source_;
  const Pickle& pickle_;
  std::uint64_t bytes_left_;
  std::unordered_map<Id, Storage> storages_;
};

}  // namespace assay::tensor
