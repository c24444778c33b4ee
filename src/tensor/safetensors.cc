// The safetensors container, as its format page has it: LE64 header length, a JSON header, data.
#include <algorithm>
#include <array>
#include <numeric>
#include <unordered_set>
#include <utility>

#include "base/file.h"
#include "base/json_fields.h"
#include "base/try.h"
#include "base/utf8.h"
#include "base/within.h"
#include "tensor/limits.h"
#include "tensor/load.h"
#include "tensor/source.h"

namespace assay::tensor {
namespace {

constexpr std::uint64_t kMaxHeader = 100'000'000;
constexpr std::size_t kMaxDtypeName = 32;
constexpr std::string_view kMetadataKey = "__metadata__";

Result<Metadata> read_metadata(const JsonValue& value) {
  const JsonFields fields = ASSAY_TRY(value.open_fields());
  Metadata metadata;
  for (std::size_t i = 0; i < fields.size(); ++i)
    metadata.emplace_back(fields.name(i), ASSAY_TRY(fields.value(i).text(kMaxHeader)));
  return metadata;
}

struct Extent {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

std::string not_supported(std::string_view dtype) {
  return fmt::format("element type \"{}\" is not supported", dtype);
}

Result<StoredTensor> read_tensor(const Source& source, ByteSpan data, const std::string& name,
                                 const JsonValue& entry, Extent& extent) {
  const JsonFields fields = ASSAY_TRY(entry.fields({"dtype", "shape", "data_offsets"}));
  // A return within the braces would leak what stands before it there.
  std::string dtype = ASSAY_TRY(fields["dtype"].text(kMaxDtypeName));
  StoredTensor tensor{name, std::move(dtype), {}, {}, source.owner};
  const std::optional<std::size_t> size = stored_size(tensor.dtype);
  if (!size) return source.error(ErrorCode::kUnsupported, name, not_supported(tensor.dtype));
  tensor.shape = ASSAY_TRY(fields["shape"].integers<std::uint64_t>(kMaxAxes));
  const Shape offsets = ASSAY_TRY(fields["data_offsets"].integers<std::uint64_t>(2));
  if (offsets.size() != 2 || offsets[0] > offsets[1] || offsets[1] > data.size()) {
    return source.malformed(name, "data_offsets must be a range within the data");
  }
  extent = {offsets[0], offsets[1]};
  const std::uint64_t count =
      ASSAY_TRY(element_count(tensor.shape, fmt::format("{}: {}", source.place, name)));
  if (count * *size != extent.end - extent.begin) {
    return source.malformed(name, fmt::format("data_offsets span {} bytes, but shape and dtype ask for {}",
                                              extent.end - extent.begin, count * *size));
  }
  tensor.bytes = data.subspan(extent.begin, extent.end - extent.begin);
  return tensor;
}

// Ranges, in the order of their begins, must follow each other from 0 to the end of the data.
Status check_coverage(const Source& source, const std::vector<StoredTensor>& tensors,
                      const std::vector<Extent>& extents, std::uint64_t data_size) {
  std::vector<std::size_t> order(extents.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return extents[a].begin != extents[b].begin ? extents[a].begin < extents[b].begin
                                                : extents[a].end < extents[b].end;
  });
  std::uint64_t reached = 0;
  for (const std::size_t i : order) {
    if (extents[i].begin < reached)
      return source.malformed(tensors[i].name, "its data overlap another tensor's");
    if (extents[i].begin > reached) {
      return source.malformed(tensors[i].name, fmt::format("{} bytes before its data belong to no tensor",
                                                           extents[i].begin - reached));
    }
    reached = extents[i].end;
  }
  if (reached != data_size) {
    return source.malformed("", fmt::format("{} bytes at the end belong to no tensor", data_size - reached));
  }
  return {};
}

Status check_writable(const std::string& place, std::span<const TensorView> tensors,
                      const Metadata& metadata) {
  std::unordered_set<std::string_view> names;
  for (const TensorView& tensor : tensors) {
    if (tensor.name == kMetadataKey || !is_valid_utf8(tensor.name) || !names.insert(tensor.name).second) {
      return Error{
          ErrorCode::kMalformed, place,
          fmt::format("a tensor may not be named \"{}\" (reserved, not UTF-8, or twice)", tensor.name)};
    }
    const std::uint64_t count = ASSAY_TRY(element_count(tensor.shape, place + ": " + tensor.name));
    if (count * size_of(tensor.dtype) != tensor.bytes.size()) {
      return Error{ErrorCode::kMismatch, place + ": " + tensor.name, "its bytes do not match its shape"};
    }
  }
  std::unordered_set<std::string_view> keys;
  for (const auto& [key, value] : metadata) {
    if (!is_valid_utf8(key) || !is_valid_utf8(value) || !keys.insert(key).second) {
      return Error{ErrorCode::kMalformed, place,
                   fmt::format("metadata \"{}\" is not UTF-8, or given twice", key)};
    }
  }
  return {};
}

}  // namespace

Result<StoredFile> parse_stored(const Source& source) {
  if (source.bytes.size() < 8) return source.malformed("", "too short for a safetensors file");
  const auto header_size = load_at<std::uint64_t>(source.bytes, 0);
  if (header_size > kMaxHeader) {
    return source.error(ErrorCode::kTooLarge, "header", "longer than 100,000,000 bytes");
  }
  if (header_size > source.bytes.size() - 8)
    return source.malformed("header", "ends past the end of the file");
  const auto* text_begin = reinterpret_cast<const char*>(source.bytes.data() + 8);
  std::string_view text(text_begin, header_size);
  if (!text.starts_with('{')) return source.malformed("header", "must start with '{'");
  while (text.ends_with(' ')) text.remove_suffix(1);
  if (!text.ends_with('}')) return source.malformed("header", "must end with '}' and spaces");
  const JsonText json = ASSAY_TRY(JsonText::parse(text, source.place + ": header", kMaxHeader));
  const JsonFields header = ASSAY_TRY(json.root().open_fields());

  StoredFile file;
  const ByteSpan data = source.bytes.subspan(8 + header_size);
  std::vector<Extent> extents;
  for (std::size_t i = 0; i < header.size(); ++i) {
    if (header.name(i) == kMetadataKey) {
      file.metadata = ASSAY_TRY(read_metadata(header.value(i)));
      continue;
    }
    file.tensors.push_back(
        ASSAY_TRY(read_tensor(source, data, header.name(i), header.value(i), extents.emplace_back())));
  }
  ASSAY_TRY(check_coverage(source, file.tensors, extents, data.size()));
  return file;
}

Result<TensorFile> parse_safetensors(const Source& source) {
  StoredFile stored = ASSAY_TRY(parse_stored(source));
  TensorFile file;
  file.container = Container::kSafetensors;
  file.metadata = std::move(stored.metadata);
  for (const StoredTensor& tensor : stored.tensors)
    file.tensors.push_back(ASSAY_TRY(within(source.place, view_of(tensor))));
  return file;
}

std::optional<std::size_t> stored_size(std::string_view dtype) {
  if (const std::optional<Dtype> known = from_safetensors_name(dtype)) return size_of(*known);
  constexpr std::array<std::string_view, 5> kF8 = {"F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ",
                                                   "F8_E5M2FNUZ"};
  if (std::ranges::find(kF8, dtype) != kF8.end()) return 1;
  return std::nullopt;
}

Result<TensorView> view_of(const StoredTensor& tensor) {
  const std::optional<Dtype> dtype = from_safetensors_name(tensor.dtype);
  if (!dtype) return Error{ErrorCode::kUnsupported, tensor.name, not_supported(tensor.dtype)};
  return TensorView{tensor.name, *dtype, tensor.shape, tensor.bytes, tensor.owner};
}

Status write_safetensors(const std::filesystem::path& path, std::span<const TensorView> tensors,
                         const Metadata& metadata) {
  ASSAY_TRY(check_writable(path.string(), tensors, metadata));
  // No name stands twice: to look for each among those before would take the square of their number.
  const auto put = [](Json& object, const std::string& name, Json value) {
    object.get_ref<Json::object_t&>().emplace_back(name, std::move(value));
  };
  Json header = Json::object();
  if (!metadata.empty()) {
    Json object = Json::object();
    for (const auto& [key, value] : metadata) put(object, key, value);
    put(header, std::string(kMetadataKey), std::move(object));
  }
  std::uint64_t offset = 0;
  for (const TensorView& tensor : tensors) {
    const std::uint64_t end = offset + tensor.bytes.size();
    put(header, tensor.name,
        {{"dtype", safetensors_name(tensor.dtype)},
         {"shape", tensor.shape},
         {"data_offsets", {offset, end}}});
    offset = end;
  }
  std::string text = dump_json(header, -1);
  text.append((8 - text.size() % 8) % 8, ' ');
  if (text.size() > kMaxHeader) {
    return Error{ErrorCode::kTooLarge, path.string(), "the header would be longer than 100,000,000 bytes"};
  }
  Bytes length;
  append<std::uint64_t>(length, text.size());
  AtomicFile file = ASSAY_TRY(AtomicFile::create(path));
  ASSAY_TRY(file.write(ByteSpan(length)));
  ASSAY_TRY(file.write(text));
  for (const TensorView& tensor : tensors) ASSAY_TRY(file.write(tensor.bytes));
  return file.publish();
}

}  // namespace assay::tensor
