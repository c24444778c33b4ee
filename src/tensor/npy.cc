#include <algorithm>
#include <limits>

#include "base/file.h"
#include "base/try.h"
#include "integers/signed_integer.h"
#include "tensor/load.h"
#include "tensor/npy_header.h"
#include "tensor/object_array.h"

namespace assay::tensor {
namespace {

constexpr std::string_view kArrayName = "array";
constexpr std::string_view kObjectDescr = "|O";
constexpr std::size_t kScalarBytes = 32;

Result<Dtype> dtype_of(const Source& source, const std::string& descr) {
  if (const auto dtype = from_numpy_descr(descr)) return *dtype;
  const bool big_endian = descr.starts_with('>');
  return source.error(ErrorCode::kUnsupported, "descr",
                      big_endian ? "big-endian types are not read: save in little-endian order"
                                 : fmt::format("type \"{}\" is not read", descr.substr(0, 32)));
}

Result<IntegerArray> scalar_rows(const TensorView& tensor, const std::string& place) {
  std::vector<Scalar> values(tensor.bytes.size() / kScalarBytes);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = ASSAY_TRY(Scalar::from_bytes(tensor.bytes.subspan(i * kScalarBytes, kScalarBytes),
                                             fmt::format("{}: row {}", place, i)));
  }
  return IntegerArray::own(std::move(values));
}

// Calls write with pieces of `convert(value)` for each value.
template <class Convert>
Status write_converted(AtomicFile& file, const IntegerView& values, Convert convert) {
  constexpr std::size_t kPiece = 1 << 16;
  Bytes out;
  for (std::size_t i = 0; i < values.size(); ++i) {
    append(out, convert(values[i]));
    if (out.size() >= kPiece) {
      ASSAY_TRY(file.write(ByteSpan(out)));
      out.clear();
    }
  }
  return file.write(ByteSpan(out));
}

}  // namespace

Result<TensorFile> parse_npy(const Source& source) {
  const NpyHeader header = ASSAY_TRY(parse_npy_header(source));
  const ByteSpan data = source.bytes.subspan(header.data_offset);
  TensorFile file;
  file.container = Container::kNpy;
  const std::string name(kArrayName);
  if (header.descr == kObjectDescr) {
    IntegerArray values = ASSAY_TRY(parse_object_array(data, header.shape, source.place));
    file.integer_tensors.push_back({name, header.shape, std::move(values), {}});
    return file;
  }
  const Dtype dtype = ASSAY_TRY(dtype_of(source, header.descr));
  const std::uint64_t count = ASSAY_TRY(element_count(header.shape, source.place + ": shape"));
  if (count * size_of(dtype) != data.size()) {
    return source.malformed("", fmt::format("{} bytes of data where shape and descr ask for {}", data.size(),
                                            count * size_of(dtype)));
  }
  file.tensors.push_back({name, dtype, header.shape, data, source.owner});
  return file;
}

Result<IntegerTensor> parse_npy_integers(const Source& source, bool rows_are_scalars) {
  TensorFile file = ASSAY_TRY(parse_npy(source));
  if (!file.integer_tensors.empty()) {
    if (rows_are_scalars)
      return source.error(ErrorCode::kMismatch, "", "Python integers where rows of 32 bytes belong");
    return std::move(file.integer_tensors.front());
  }
  TensorView& tensor = file.tensors.front();
  IntegerTensor result{tensor.name, tensor.shape, {}, {}};
  if (rows_are_scalars) {
    if (tensor.dtype != Dtype::kU8 || tensor.shape.empty() || tensor.shape.back() != kScalarBytes) {
      return source.error(ErrorCode::kMismatch, "", "not '|u1' of shape [.., 32], as stored Scalars are");
    }
    result.shape.pop_back();
    result.values = ASSAY_TRY(scalar_rows(tensor, source.place));
    return result;
  }
  tensor.name = source.place;
  result.values = ASSAY_TRY(integers_of(tensor));
  return result;
}

std::string_view to_string(Storage storage) {
  switch (storage) {
    case Storage::kInt64:
      return "int64";
    case Storage::kScalar32:
      return "scalar32";
    case Storage::kObject:
      break;
  }
  return "object";
}

Storage compact_storage(const IntegerView& values) {
  if (values.kind() != IntegerView::Kind::kScalar) return Storage::kInt64;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!fits_int64(values[i])) return Storage::kScalar32;
  }
  return Storage::kInt64;
}

Result<AtomicFile> stage_npy(const std::filesystem::path& path, const IntegerView& values,
                             std::span<const std::uint64_t> shape, Storage storage) {
  const std::uint64_t count = ASSAY_TRY(element_count(shape, path.string()));
  if (count != values.size())
    return Error{ErrorCode::kMismatch, path.string(), "the shape has another count of values"};
  if (storage == Storage::kInt64 && compact_storage(values) != Storage::kInt64) {
    return Error{ErrorCode::kOutOfRange, path.string(), "a value does not fit int64"};
  }
  AtomicFile file = ASSAY_TRY(AtomicFile::create(path));
  switch (storage) {
    case Storage::kInt64:
      ASSAY_TRY(file.write(ByteSpan(npy_header("<i8", shape))));
      if (values.kind() == IntegerView::Kind::kI64) {
        ASSAY_TRY(file.write(ByteSpan(static_cast<const std::uint8_t*>(values.data()), values.size() * 8)));
      } else {
        ASSAY_TRY(write_converted(file, values, to_int64));
      }
      break;
    case Storage::kScalar32: {
      Shape rows(shape.begin(), shape.end());
      rows.push_back(kScalarBytes);
      ASSAY_TRY(file.write(ByteSpan(npy_header("|u1", rows))));
      ASSAY_TRY(write_converted(file, values, [](const Scalar& value) { return value.to_bytes(); }));
      break;
    }
    case Storage::kObject:
      ASSAY_TRY(file.write(ByteSpan(npy_header(kObjectDescr, shape))));
      ASSAY_TRY(write_object_array(values, shape, [&](ByteSpan piece) { return file.write(piece); }));
      break;
  }
  return file;
}

Status write_npy(const std::filesystem::path& path, const IntegerView& values,
                 std::span<const std::uint64_t> shape, Storage storage) {
  AtomicFile file = ASSAY_TRY(stage_npy(path, values, shape, storage));
  return file.publish();
}

}  // namespace assay::tensor
