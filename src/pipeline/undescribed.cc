// Arrays without metadata, which are taken as the original pipeline takes them.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <tuple>

#include "assay/pipeline.h"
#include "base/try.h"
#include "base/utf8.h"
#include "pipeline/directory_json.h"

namespace assay::pipeline {
namespace {

namespace fs = std::filesystem;

/// Embedding, layers by their number, others by their name.
std::tuple<int, std::uint64_t, std::string> order_of(const std::string& name) {
  constexpr std::string_view kLayer = "layer_";
  if (name == "embedding") return {0, 0, name};
  std::uint64_t number = 0;
  if (name.starts_with(kLayer)) {
    const char* const end = name.data() + name.size();
    const auto read = std::from_chars(name.data() + kLayer.size(), end, number);
    if (read.ec == std::errc() && read.ptr == end) return {1, number, name};
  }
  return {2, 0, name};
}

Result<std::vector<std::string>> names_of_arrays(const fs::path& dir) {
  std::vector<std::string> names;
  std::error_code failure;
  for (fs::directory_iterator entry(dir, failure), end; !failure && entry != end; entry.increment(failure)) {
    const fs::path& path = entry->path();
    if (path.extension() != ".npy" || path.filename().string().starts_with('.')) continue;
    names.push_back(path.stem().string());
    if (!is_valid_utf8(names.back()))
      return Error{ErrorCode::kMalformed, path.string(), "its name, which names a layer, is not UTF-8"};
    if (names.size() > kMaxDirectoryLayers)
      return Error{ErrorCode::kTooLarge, dir.string(),
                   fmt::format("over {} arrays for one directory", kMaxDirectoryLayers)};
  }
  if (failure) return Error{ErrorCode::kIo, dir.string(), failure.message()};
  std::ranges::sort(names, {}, order_of);
  return names;
}

}  // namespace

bool names_directory(const fs::path& path) {
  std::error_code failure;
  return fs::is_directory(path, failure);
}

Status require_directory(const fs::path& path) {
  if (names_directory(path)) return {};
  std::error_code failure;
  return Error{ErrorCode::kIo, path.string(),
               fs::exists(path, failure) ? "is a file, and the name of a directory is expected here"
                                         : "there is no such directory"};
}

bool has_file(const fs::path& dir, std::string_view name) {
  std::error_code failure;
  return fs::exists(dir / name, failure);
}

Result<tensor::IntegerTensor> open_undescribed(const fs::path& path) {
  tensor::IntegerTensor array = ASSAY_TRY(tensor::open_integers(path));
  if (array.values.kind() != IntegerView::Kind::kI16 || array.shape.empty() || array.shape.back() != 32)
    return array;
  // As wide as bytes become: the file tells whether they are.
  const tensor::TensorFile file = ASSAY_TRY(tensor::open(path));
  if (file.tensors.empty() || file.tensors[0].dtype != tensor::Dtype::kU8) return array;
  return Error{ErrorCode::kUnsupported, path.string(),
               "single bytes or integers of 32 bytes: the metadata, which say it, are not there"};
}

Result<Conversion> read_undescribed_layers(const fs::path& dir) {
  const std::vector<std::string> names = ASSAY_TRY(names_of_arrays(dir));
  if (names.empty())
    return Error{ErrorCode::kIo, (dir / kConversionJson).string(), "is not there, and no .npy file either"};
  Conversion conversion;
  for (const std::string& name : names) {
    const std::string file = name + ".npy";
    tensor::IntegerTensor array = ASSAY_TRY(open_undescribed(dir / file));
    conversion.layers.push_back({name, std::move(array.shape), file, std::move(array.values)});
  }
  return conversion;
}

}  // namespace assay::pipeline
