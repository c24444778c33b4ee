#include "weights/shard_index.h"

#include <fmt/format.h>

#include <set>

#include "assay/weights.h"
#include "base/json_fields.h"
#include "base/try.h"

namespace assay::weights {
namespace {

constexpr std::string_view kWeightMap = "weight_map";
constexpr std::string_view kEnding = ".safetensors";
constexpr std::size_t kMaxFileName = 255;

/// A name of a file in the folder itself, and of nothing elsewhere.
bool is_shard_name(std::string_view name) {
  return name.size() > kEnding.size() && name.ends_with(kEnding) && !name.starts_with('.') &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
}

}  // namespace

Result<ShardIndex> ShardIndex::parse(std::string_view text, std::string_view place) {
  const JsonText json = ASSAY_TRY(JsonText::parse(text, place, Folder::kMaxJsonBytes));
  const JsonFields root = ASSAY_TRY(json.root().open_fields());
  const JsonFields map = ASSAY_TRY(root[kWeightMap].open_fields());
  if (map.size() == 0) return root[kWeightMap].error(ErrorCode::kOutOfRange, "names no tensor");
  if (map.size() > Folder::kMaxTensors) {
    return root[kWeightMap].error(ErrorCode::kTooLarge, fmt::format("{} tensors, at most {} are read",
                                                                    map.size(), Folder::kMaxTensors));
  }
  ShardIndex index;
  std::set<std::string> shards;
  for (std::size_t i = 0; i < map.size(); ++i) {
    std::string shard = ASSAY_TRY(map.value(i).text(kMaxFileName));
    if (!is_shard_name(shard)) {
      return map.value(i).error(ErrorCode::kMalformed,
                                "the name of a .safetensors file of this folder is expected here");
    }
    shards.insert(shard);
    index.shard_of.emplace(map.name(i), std::move(shard));
  }
  if (shards.size() > Folder::kMaxShards) {
    return root[kWeightMap].error(ErrorCode::kTooLarge, fmt::format("{} files, at most {} are read",
                                                                    shards.size(), Folder::kMaxShards));
  }
  index.shards.assign(shards.begin(), shards.end());
  return index;
}

}  // namespace assay::weights
