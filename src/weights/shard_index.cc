#include "weights/shard_index.h"

#include <fmt/format.h>

#include <set>

#include "assay/weights.h"
#include "base/json.h"
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

/// Takes the weight map as it is read: it may have more values than are kept of a JSON text.
class IndexVisitor : public JsonVisitor {
 public:
  IndexVisitor(std::string_view place, ShardIndex& index) : place_(place), index_(index) {}

  Status begin_object() override {
    if (is_left()) return ++left_, Status{};
    if (level_ == Level::kMap) return no_name();
    level_ = level_ == Level::kOutside ? Level::kRoot : Level::kMap;
    has_map_ = has_map_ || level_ == Level::kMap;
    return {};
  }
  Status end_object() override {
    if (left_ > 0) return --left_, Status{};
    level_ = level_ == Level::kMap ? Level::kRoot : Level::kOutside;
    return {};
  }
  Status begin_array() override {
    if (!is_left()) return unexpected("an array");
    ++left_;
    return {};
  }
  Status end_array() override { return --left_, Status{}; }
  Status key(std::string_view name) override {
    if (left_ == 0) key_ = name;
    return {};
  }
  Status string(std::string_view text) override {
    if (is_left()) return {};
    if (level_ != Level::kMap) return unexpected("a text");
    if (text.size() > kMaxFileName)
      return error(ErrorCode::kTooLarge,
                   fmt::format("a text of {} bytes, at most {} are read", text.size(), kMaxFileName));
    if (!is_shard_name(text)) return no_name();
    index_.shard_of.emplace(key_, text);
    return {};
  }
  Status integer(std::string_view) override { return leave("a number"); }
  Status real(double) override { return leave("a number"); }
  Status boolean(bool) override { return leave("true or false"); }
  Status null() override { return leave("null"); }

  [[nodiscard]] bool has_map() const { return has_map_; }

 private:
  enum class Level : std::uint8_t { kOutside, kRoot, kMap };

  /// Whether what comes is no part of the map.
  [[nodiscard]] bool is_left() const { return left_ > 0 || (level_ == Level::kRoot && key_ != kWeightMap); }
  [[nodiscard]] Error error(ErrorCode code, std::string reason) const {
    return {code, fmt::format("{}: {}.{}", place_, kWeightMap, key_), std::move(reason)};
  }
  [[nodiscard]] Status no_name() const {
    return error(ErrorCode::kMalformed, "the name of a .safetensors file of this folder is expected here");
  }
  Status leave(std::string_view what) const {
    if (is_left()) return {};
    return level_ == Level::kMap ? no_name() : Status(unexpected(what));
  }

  std::string_view place_;
  ShardIndex& index_;
  Level level_ = Level::kOutside;
  std::size_t left_ = 0;  // arrays and objects that are open and no part of the map
  std::string key_;
  bool has_map_ = false;
};

}  // namespace

Result<ShardIndex> ShardIndex::parse(std::string_view text, std::string_view place) {
  if (text.size() > Folder::kMaxJsonBytes)
    return Error{ErrorCode::kTooLarge, std::string(place),
                 fmt::format("{} bytes, at most {} are read", text.size(), Folder::kMaxJsonBytes)};
  ShardIndex index;
  IndexVisitor visitor(place, index);
  ASSAY_TRY(parse_json_stream(text, visitor, place));
  const std::string map = fmt::format("{}: {}", place, kWeightMap);
  if (!visitor.has_map()) return Error{ErrorCode::kMalformed, map, "is missing"};
  if (index.shard_of.empty()) return Error{ErrorCode::kOutOfRange, map, "names no tensor"};
  std::set<std::string_view> shards;
  for (const auto& [name, shard] : index.shard_of) shards.insert(shard);
  if (shards.size() > Folder::kMaxShards)
    return Error{ErrorCode::kTooLarge, map,
                 fmt::format("{} files, at most {} are read", shards.size(), Folder::kMaxShards)};
  index.shards.assign(shards.begin(), shards.end());
  return index;
}

}  // namespace assay::weights
