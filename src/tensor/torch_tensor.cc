#include "tensor/torch_tensor.h"

#include <array>
#include <cstring>
#include <unordered_set>

#include "base/check.h"
#include "base/try.h"
#include "tensor/limits.h"

namespace assay::tensor {
namespace {

constexpr std::array<PickleName, 13> kTorchNames = {{
    {"torch._utils", "_rebuild_tensor_v2"},
    {"collections", "OrderedDict"},
    {"torch", "Size"},
    {"torch", "BoolStorage"},
    {"torch", "ByteStorage"},
    {"torch", "CharStorage"},
    {"torch", "ShortStorage"},
    {"torch", "IntStorage"},
    {"torch", "LongStorage"},
    {"torch", "HalfStorage"},
    {"torch", "BFloat16Storage"},
    {"torch", "FloatStorage"},
    {"torch", "DoubleStorage"},
}};
constexpr std::array<Dtype, 10> kStorageDtypes = {Dtype::kBool, Dtype::kU8,  Dtype::kI8,  Dtype::kI16,
                                                  Dtype::kI32,  Dtype::kI64, Dtype::kF16, Dtype::kBF16,
                                                  Dtype::kF32,  Dtype::kF64};
static_assert(kTorchNames.size() == kFirstStorage + kStorageDtypes.size());

// Tuples, lists, dicts, calls: about eight for a tensor.
constexpr std::size_t kMaxParents = std::size_t{1} << 20;

bool is_contiguous(std::span<const std::uint64_t> sizes, std::span<const std::uint64_t> strides) {
  std::uint64_t expected = 1;
  for (std::size_t i = sizes.size(); i-- > 0;) {
    if (sizes[i] == 1) continue;  // its stride is never used
    if (strides[i] != expected) return false;
    expected *= sizes[i];
  }
  return true;
}

// Copies the elements in C order of the sizes.
Bytes gather(ByteSpan storage, std::size_t element, std::uint64_t offset, const Shape& sizes,
             const Shape& strides, std::uint64_t count) {
  Bytes out(count * element);
  Shape index(sizes.size(), 0);
  std::uint64_t from = offset;
  for (std::uint64_t i = 0; i < count; ++i) {
    std::memcpy(out.data() + i * element, storage.data() + from * element, element);
    for (std::size_t axis = sizes.size(); axis-- > 0;) {
      from += strides[axis];
      if (++index[axis] < sizes[axis]) break;
      from -= strides[axis] * sizes[axis];
      index[axis] = 0;
    }
  }
  return out;
}

}  // namespace

PickleRules torch_rules() {
  PickleRules rules;
  rules.max_protocol = 2;
  rules.names = kTorchNames;
  rules.persistent_ids = true;
  rules.max_parents = kMaxParents;
  return rules;
}

// ('storage', storage class, key, location, number of elements)
Result<TorchTensors::Storage> TorchTensors::storage_of(Id persistent, const StorageRecords& records,
                                                       std::string& key) const {
  const Id id = pickle_.children(persistent)[0];
  const auto parts = pickle_.kind(id) == Kind::kTuple ? pickle_.children(id) : std::span<const Id>();
  std::int64_t numel = 0;
  if (parts.size() != 5 || !pickle_.is_text(parts[0], "storage") || pickle_.kind(parts[1]) != Kind::kName ||
      pickle_.name_index(parts[1]) < kFirstStorage || pickle_.kind(parts[2]) != Kind::kText ||
      pickle_.kind(parts[3]) != Kind::kText || !pickle_.int64(parts[4], numel) || numel < 0) {
    return source_.malformed("data.pkl", "a persistent id that is not a storage");
  }
  key = std::string(pickle_.text(parts[2]));
  const auto record = records.find(key);
  if (record == records.end()) return source_.malformed("data/" + key, "a storage without its record");
  const Dtype dtype = kStorageDtypes[pickle_.name_index(parts[1]) - kFirstStorage];
  const std::uint64_t held = record->second.size();
  if (held % size_of(dtype) != 0 || held / size_of(dtype) != static_cast<std::uint64_t>(numel)) {
    return source_.malformed("data/" + key, "a storage whose record has another size");
  }
  return Storage{dtype, record->second};
}

Status TorchTensors::resolve_storages(const StorageRecords& records) {
  std::unordered_set<std::string> used;
  for (Id id = 0; id < pickle_.size(); ++id) {
    if (pickle_.kind(id) != Kind::kPersistent) continue;
    std::string key;
    storages_.emplace(id, ASSAY_TRY(storage_of(id, records, key)));
    used.insert(key);
  }
  for (const auto& [key, bytes] : records) {
    if (!used.contains(key)) return source_.malformed("data/" + key, "a record that belongs to no storage");
  }
  return {};
}

bool TorchTensors::is_tensor(Id id) const {
  if (pickle_.kind(id) != Kind::kCall) return false;
  return pickle_.name_index(pickle_.children(id)[0]) == kRebuildTensor;
}

// A tuple of non-negative ints, plain or as torch.Size.
Result<Shape> TorchTensors::numbers(Id id, const std::string& name) const {
  if (pickle_.kind(id) == Kind::kCall && pickle_.name_index(pickle_.children(id)[0]) == kTorchSize) {
    const auto arguments = pickle_.children(pickle_.children(id)[1]);
    if (arguments.size() == 1) id = arguments[0];
  }
  if (pickle_.kind(id) != Kind::kTuple)
    return source_.malformed(name, "sizes or strides that are not a tuple");
  if (pickle_.children(id).size() > kMaxAxes)
    return source_.error(ErrorCode::kTooLarge, name, "over 32 axes");
  Shape shape;
  for (const Id item : pickle_.children(id)) {
    std::int64_t value = 0;
    if (!pickle_.int64(item, value) || value < 0)
      return source_.malformed(name, "a size or stride that is not a count");
    shape.push_back(static_cast<std::uint64_t>(value));
  }
  return shape;
}

Result<TorchTensors::Geometry> TorchTensors::geometry(std::span<const Id> arguments, std::uint64_t numel,
                                                      const std::string& name) const {
  Geometry geometry;
  std::int64_t offset = 0;
  if (!pickle_.int64(arguments[1], offset) || offset < 0)
    return source_.malformed(name, "a storage offset below 0");
  geometry.offset = static_cast<std::uint64_t>(offset);
  geometry.sizes = ASSAY_TRY(numbers(arguments[2], name));
  geometry.strides = ASSAY_TRY(numbers(arguments[3], name));
  if (geometry.sizes.size() != geometry.strides.size())
    return source_.malformed(name, "sizes and strides differ in count");
  geometry.count = ASSAY_TRY(element_count(geometry.sizes, fmt::format("{}: {}", source_.place, name)));
  if (geometry.count == 0) return geometry;
  // Sizes are at most 2^40 and strides below 2^63: 32 products and the offset fit 128 bits.
  unsigned __int128 last = geometry.offset;
  for (std::size_t i = 0; i < geometry.sizes.size(); ++i) {
    last += static_cast<unsigned __int128>(geometry.sizes[i] - 1) * geometry.strides[i];
  }
  if (last >= numel) return source_.malformed(name, "reaches past the end of its storage");
  return geometry;
}

Result<TensorView> TorchTensors::read(Id id, std::string name) {
  const auto call = pickle_.children(id);
  const auto arguments = pickle_.children(call[1]);
  if (call.size() != 2 || arguments.size() != 6 || !storages_.contains(arguments[0]) ||
      pickle_.kind(arguments[4]) != Kind::kBool || pickle_.kind(arguments[5]) != Kind::kDict ||
      !pickle_.children(arguments[5]).empty()) {
    return source_.malformed(name,
                             "a tensor with arguments that torch.save does not write for plain tensors");
  }
  const Storage& storage = storages_.at(arguments[0]);
  const std::size_t element = size_of(storage.dtype);
  const Geometry shape = ASSAY_TRY(geometry(arguments, storage.bytes.size() / element, name));
  if (shape.count * element > bytes_left_) {
    return source_.error(ErrorCode::kTooLarge, name, "its tensors show far more bytes than the file has");
  }
  bytes_left_ -= shape.count * element;
  TensorView tensor{std::move(name), storage.dtype, shape.sizes, {}, source_.owner};
  if (shape.count == 0) return tensor;
  if (is_contiguous(shape.sizes, shape.strides)) {
    tensor.bytes = storage.bytes.subspan(shape.offset * element, shape.count * element);
    return tensor;
  }
  const auto copy = std::make_shared<const Bytes>(
      gather(storage.bytes, element, shape.offset, shape.sizes, shape.strides, shape.count));
  tensor.bytes = *copy;
  tensor.owner = copy;
  return tensor;
}

}  // namespace assay::tensor
