// The index of shards from any text: refused, or every tensor in one of the files, each of which is a name
// within the folder.
#include <algorithm>

#include "base/check.h"
#include "weights/shard_index.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace assay;
  const auto index = weights::ShardIndex::parse({reinterpret_cast<const char*>(data), size}, "fuzz");
  if (!index.ok()) {
    ASSAY_CHECK(index.error().place.starts_with("fuzz"), index.error().place);
    return 0;
  }
  ASSAY_CHECK_GT(index->shard_of.size(), 0);
  ASSAY_CHECK(std::ranges::is_sorted(index->shards), index->shards.size());
  for (const auto& [name, shard] : index->shard_of)
    ASSAY_CHECK(std::ranges::binary_search(index->shards, shard), name, shard);
  for (const std::string& shard : index->shards) {
    ASSAY_CHECK(shard.find('/') == std::string::npos && shard.ends_with(".safetensors") && shard[0] != '.',
                shard);
  }
  return 0;
}
