#include <algorithm>

#include "assay/audit_packet.h"
#include "assay/weights.h"
#include "base/sha256.h"
#include "base/threads.h"
#include "base/try.h"
#include "base/wire.h"
#include "base/within.h"

namespace assay::audit {
namespace {

bool is_weight(const tensor::TensorView& tensor) {
  return tensor::is_float(tensor.dtype) && (tensor.shape.size() == 1 || tensor.shape.size() == 2);
}

Digest digest_of(const tensor::TensorView& tensor) {
  return weight_digest(safetensors_name(tensor.dtype), tensor.shape, tensor.bytes);
}

/// What no values are read of, such as F8, no product here is of.
std::vector<tensor::TensorView> readable(std::span<const tensor::StoredTensor> all) {
  std::vector<tensor::TensorView> tensors;
  tensors.reserve(all.size());
  for (const tensor::StoredTensor& stored : all) {
    Result<tensor::TensorView> view = tensor::view_of(stored);
    if (view.ok()) tensors.push_back(*std::move(view));
  }
  return tensors;
}

Result<std::vector<tensor::TensorView>> tensors_of(const std::filesystem::path& path) {
  std::error_code failure;
  if (std::filesystem::is_directory(path, failure))
    return readable(ASSAY_TRY(weights::Folder::open(path)).tensors());
  if (path.extension() == ".safetensors") return readable(ASSAY_TRY(tensor::list_safetensors(path)));
  return ASSAY_TRY(tensor::open(path)).tensors;
}

}  // namespace

Digest weight_digest(std::string_view dtype, std::span<const std::uint64_t> shape, ByteSpan bytes) {
  WireWriter head;
  head.begin("assay/audit/weight/v", 1).text(dtype).u32(static_cast<std::uint32_t>(shape.size()));
  for (const std::uint64_t size : shape) head.u64(size);
  return Sha256().update(head.bytes()).update(bytes).digest();
}

Result<KnownWeights> KnownWeights::open(std::span<const std::filesystem::path> paths) {
  std::vector<tensor::TensorView> found;
  for (const std::filesystem::path& path : paths) {
    for (tensor::TensorView& view : ASSAY_TRY(within(path.string(), tensors_of(path))))
      if (is_weight(view)) found.push_back(std::move(view));
  }
  std::vector<Digest> digests(found.size());
  Progress progress("hash weights", found.size());
  parallel_for(0, found.size(), 1, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      digests[i] = digest_of(found[i]);
      progress.advance();
    }
  });
  KnownWeights known;
  for (std::size_t i = 0; i < found.size(); ++i) {
    known.bytes_ += found[i].bytes.size();
    known.tensors_.emplace(digests[i], std::move(found[i]));
  }
  return known;
}

void KnownWeights::add(tensor::TensorView tensor) {
  const Digest digest = digest_of(tensor);
  bytes_ += tensor.bytes.size();
  tensors_.emplace(digest, std::move(tensor));
}

const tensor::TensorView* KnownWeights::find(const Digest& digest) const {
  const auto found = tensors_.find(digest);
  return found == tensors_.end() ? nullptr : &found->second;
}

}  // namespace assay::audit
