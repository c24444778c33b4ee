#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "assay/weights.h"
#include "base/file.h"
#include "base/json_fields.h"
#include "base/try.h"
#include "base/within.h"
#include "weights/shard_index.h"

namespace assay::weights {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kConfig = "config.json";
constexpr std::string_view kIndex = "model.safetensors.index.json";
constexpr std::string_view kWhole = "model.safetensors";
constexpr std::size_t kMaxModelType = 256;

Result<std::optional<std::uint64_t>> read_num_blocks(const JsonFields& fields) {
  for (const std::string_view name : {"num_hidden_layers", "n_layer"}) {
    if (!fields.has(name) || fields[name].is_null()) continue;
    return std::optional(ASSAY_TRY(fields[name].integer<std::uint64_t>(0, Folder::kMaxBlocks)));
  }
  return std::optional<std::uint64_t>{};
}

Result<Config> read_config(const fs::path& path) {
  constexpr std::string_view kModelType = "model_type";
  constexpr std::string_view kTextConfig = "text_config";
  const JsonText json = ASSAY_TRY(JsonText::read(path, Folder::kMaxJsonBytes));
  const JsonFields fields = ASSAY_TRY(json.root().open_fields());
  Config config;
  if (fields.has(kModelType)) config.model_type = ASSAY_TRY(fields[kModelType].text(kMaxModelType));
  config.num_blocks = ASSAY_TRY(read_num_blocks(fields));
  if (!config.num_blocks && fields.has(kTextConfig) && !fields[kTextConfig].is_null()) {
    const JsonFields text = ASSAY_TRY(fields[kTextConfig].open_fields());
    config.num_blocks = ASSAY_TRY(read_num_blocks(text));
  }
  return config;
}

Result<bool> is_there(const fs::path& path) {
  std::error_code failure;
  const bool there = fs::exists(path, failure);
  if (failure) return Error{ErrorCode::kIo, path.string(), failure.message()};
  return there;
}

/// The only .safetensors file of a folder without an index: of several, loaders take one or all.
Result<std::string> find_whole(const fs::path& folder) {
  std::vector<std::string> found;
  std::error_code failure;
  for (fs::directory_iterator entry(folder, failure); !failure && entry != fs::directory_iterator();
       entry.increment(failure)) {
    if (entry->path().extension() == ".safetensors") found.push_back(entry->path().filename().string());
  }
  if (failure) return Error{ErrorCode::kIo, folder.string(), failure.message()};
  if (found.empty()) {
    return Error{ErrorCode::kIo, folder.string(),
                 "no .safetensors file: save the model's weights there (save_pretrained)"};
  }
  if (found.size() > 1) {
    return Error{ErrorCode::kMismatch, folder.string(),
                 fmt::format("{} .safetensors files, and no {} that says which tensors are where; leave "
                             "the model's alone there",
                             found.size(), kIndex)};
  }
  return found.front();
}

Result<std::vector<tensor::StoredTensor>> list_shard(const fs::path& path) {
  std::vector<tensor::StoredTensor> tensors = ASSAY_TRY(tensor::list_safetensors(path));
  for (const tensor::StoredTensor& tensor : tensors) {
    if (!tensor.name.empty() && tensor.name.size() <= Folder::kMaxNameBytes) continue;
    return Error{ErrorCode::kTooLarge, path.string(),
                 fmt::format("a tensor's name of {} bytes, 1 to {} are taken", tensor.name.size(),
                             Folder::kMaxNameBytes)};
  }
  return tensors;
}

/// Each tensor of the index is in the shard that it says, and no other is there.
Result<std::vector<tensor::StoredTensor>> list_shards(const fs::path& folder, const ShardIndex& index) {
  std::vector<tensor::StoredTensor> all;
  for (const std::string& shard : index.shards) {
    const fs::path path = folder / shard;
    for (tensor::StoredTensor& tensor : ASSAY_TRY(list_shard(path))) {
      const auto found = index.shard_of.find(tensor.name);
      if (found == index.shard_of.end() || found->second != shard) {
        const std::string reason = found == index.shard_of.end()
                                       ? fmt::format("{} does not have this tensor", kIndex)
                                       : fmt::format("{} says it is in {}", kIndex, found->second);
        return Error{ErrorCode::kMismatch, fmt::format("{}: {}", path.string(), tensor.name), reason};
      }
      all.push_back(std::move(tensor));
    }
  }
  if (all.size() == index.shard_of.size()) return all;
  // Of those that are there, each is in the index, and none twice: some are missing.
  std::ranges::sort(all, {}, &tensor::StoredTensor::name);
  for (const auto& [name, shard] : index.shard_of) {
    if (!std::ranges::binary_search(all, name, {}, &tensor::StoredTensor::name))
      return Error{ErrorCode::kMismatch, fmt::format("{}: {}", (folder / shard).string(), name),
                   fmt::format("this tensor is missing: {} says it is here", kIndex)};
  }
  return all;
}

}  // namespace

Result<Folder> Folder::open(const fs::path& path) {
  if (path.empty()) return Error{ErrorCode::kIo, {}, "the folder's name is empty"};
  Folder folder;
  folder.path_ = path;
  folder.config_ = ASSAY_TRY(read_config(path / kConfig));
  if (ASSAY_TRY(is_there(path / kIndex))) {
    const fs::path index_path = path / kIndex;
    const Bytes text = ASSAY_TRY(read_file(index_path, kMaxJsonBytes));
    const ShardIndex index = ASSAY_TRY(
        ShardIndex::parse({reinterpret_cast<const char*>(text.data()), text.size()}, index_path.string()));
    if (!std::ranges::binary_search(index.shards, kWhole) && ASSAY_TRY(is_there(path / kWhole))) {
      return Error{ErrorCode::kMismatch, path.string(),
                   fmt::format("two sets of weights, {} and those of {}: leave one", kWhole, kIndex)};
    }
    folder.shards_ = index.shards;
    folder.tensors_ = ASSAY_TRY(list_shards(path, index));
  } else {
    folder.shards_ = {ASSAY_TRY(find_whole(path))};
    folder.tensors_ = ASSAY_TRY(list_shard(path / folder.shards_.front()));
  }
  std::ranges::sort(folder.tensors_, {}, &tensor::StoredTensor::name);
  return folder;
}

const tensor::StoredTensor* Folder::find(std::string_view name) const {
  const auto found = std::ranges::lower_bound(tensors_, name, {}, &tensor::StoredTensor::name);
  return found != tensors_.end() && found->name == name ? &*found : nullptr;
}

}  // namespace assay::weights
