#include "tensor/torch_tree.h"

#include <unordered_set>

#include "base/try.h"
#include "tensor/limits.h"
#include "tensor/torch_tensor.h"

namespace assay::tensor {
namespace {

constexpr unsigned kMaxDepth = 16;
constexpr std::uint64_t kMaxVisits = 1'000'000;
constexpr std::size_t kMaxPath = 1024;
constexpr std::string_view kHiddenStates = "hidden_states";
constexpr std::string_view kCapture = "assay";
constexpr std::string_view kCaptureMetadata = "metadata";

// Walks dicts, lists and tuples and names the tensors by their path. The tree may be a graph, through the
// memo: depth and visits are bounded.
class TorchTree {
 public:
  using Id = Pickle::Id;
  using Kind = Pickle::Kind;

  TorchTree(const Source& source, const Pickle& pickle, TorchTensors& tensors, TensorFile& file)
      : source_(source), pickle_(pickle), tensors_(tensors), file_(file) {}

  Status read_root() {
    const Id root = pickle_.root();
    if (pickle_.kind(root) != Kind::kDict) return walk(root, "", 0);
    const auto children = pickle_.children(root);
    for (std::size_t i = 0; i < children.size(); i += 2) {
      const std::string key = ASSAY_TRY(new_key(children[i]));
      const Id value = children[i + 1];
      if (key == kCapture && pickle_.kind(value) == Kind::kDict) ASSAY_TRY(read_capture(value));
      if (key == kHiddenStates && is_sequence_of_tensors(value)) {
        ASSAY_TRY(read_hidden_states(value));
      } else if (const auto text = ASSAY_TRY(plain_text(value, key))) {
        file_.metadata.emplace_back(key, *text);
      } else {
        ASSAY_TRY(walk(value, key, 1));
      }
    }
    return {};
  }

 private:
  Result<std::string> new_key(Id id) {
    std::string key = ASSAY_TRY(key_text(id));
    if (!keys_.insert(key).second) return source_.malformed(key, "a key that stands twice");
    return key;
  }

  Result<std::string> key_text(Id id) const {
    if (pickle_.kind(id) == Kind::kText) return std::string(pickle_.text(id));
    std::int64_t number = 0;
    if (!pickle_.int64(id, number))
      return source_.malformed("data.pkl", "a dict key that is neither text nor int");
    return fmt::format("{}", number);
  }

  // A capture has as text what the metadata of a safetensors file are.
  Status read_capture(Id id) {
    const auto fields = pickle_.children(id);
    for (std::size_t i = 0; i < fields.size(); i += 2) {
      if (pickle_.kind(fields[i]) != Kind::kText || pickle_.text(fields[i]) != kCaptureMetadata) continue;
      if (pickle_.kind(fields[i + 1]) != Kind::kDict)
        return source_.malformed("assay.metadata", "no dictionary");
      const auto entries = pickle_.children(fields[i + 1]);
      for (std::size_t j = 0; j < entries.size(); j += 2) {
        std::string key = ASSAY_TRY(new_key(entries[j]));
        const auto text = ASSAY_TRY(plain_text(entries[j + 1], key));
        if (!text) return source_.malformed(key, "neither text nor a number");
        file_.metadata.emplace_back(std::move(key), *text);
      }
    }
    return {};
  }

  // What becomes metadata; nullopt for everything else.
  Result<std::optional<std::string>> plain_text(Id id, const std::string& key) const {
    std::optional<std::string> text;
    switch (pickle_.kind(id)) {
      case Kind::kText:
        text = std::string(pickle_.text(id));
        break;
      case Kind::kBool:
        text = pickle_.boolean(id) ? "true" : "false";
        break;
      case Kind::kFloat:
        text = fmt::format("{}", pickle_.real(id));
        break;
      case Kind::kInt:
        text = ASSAY_TRY(pickle_.scalar(id, source_.place + ": " + key)).to_signed_decimal();
        break;
      default:
        break;
    }
    return text;
  }

  [[nodiscard]] bool is_sequence_of_tensors(Id id) const {
    if (pickle_.kind(id) != Kind::kList && pickle_.kind(id) != Kind::kTuple) return false;
    for (const Id item : pickle_.children(id)) {
      if (!tensors_.is_tensor(item)) return false;
    }
    return true;
  }

  Status read_hidden_states(Id id) {
    const auto items = pickle_.children(id);
    for (std::size_t i = 0; i < items.size(); ++i) {
      file_.hidden_states.push_back(file_.tensors.size());
      ASSAY_TRY(add(items[i], i == 0 ? "embedding" : fmt::format("layer_{}", i - 1)));
    }
    return {};
  }

  Status add(Id id, std::string name) {
    if (name.size() > kMaxPath)
      return source_.error(ErrorCode::kTooLarge, "data.pkl", "a name of over 1,024 bytes");
    if (file_.tensors.size() == kMaxTensors) {
      return source_.error(ErrorCode::kTooLarge, "data.pkl", "over 65,536 tensors");
    }
    if (!names_.insert(name).second) return source_.malformed(name, "two tensors of this name");
    file_.tensors.push_back(ASSAY_TRY(tensors_.read(id, std::move(name))));
    return {};
  }

  Status walk(Id id, const std::string& path, unsigned depth) {
    if (++visits_ > kMaxVisits)
      return source_.error(ErrorCode::kTooLarge, "data.pkl", "over a million values");
    if (depth > kMaxDepth) return source_.error(ErrorCode::kTooLarge, "data.pkl", "nested deeper than 16");
    if (path.size() > kMaxPath)
      return source_.error(ErrorCode::kTooLarge, "data.pkl", "a name of over 1,024 bytes");
    if (tensors_.is_tensor(id)) return add(id, path.empty() ? "tensor" : path);
    const Kind kind = pickle_.kind(id);
    const std::string prefix = path.empty() ? "" : path + ".";
    if (kind == Kind::kDict) {
      const auto children = pickle_.children(id);
      for (std::size_t i = 0; i < children.size(); i += 2) {
        const std::string key = ASSAY_TRY(key_text(children[i]));
        ASSAY_TRY(walk(children[i + 1], prefix + key, depth + 1));
      }
    } else if (kind == Kind::kList || kind == Kind::kTuple) {
      const auto children = pickle_.children(id);
      for (std::size_t i = 0; i < children.size(); ++i) {
        ASSAY_TRY(walk(children[i], fmt::format("{}{}", prefix, i), depth + 1));
      }
    }
    return {};
  }

  const Source& source_;
  const Pickle& pickle_;
  TorchTensors& tensors_;
  TensorFile& file_;
  std::uint64_t visits_ = 0;
  std::unordered_set<std::string> names_;
  std::unordered_set<std::string> keys_;
};

}  // namespace

Status read_torch_tree(const Source& source, const Pickle& pickle, const StorageRecords& records,
                       std::uint64_t max_bytes, TensorFile& file) {
  TorchTensors tensors(source, pickle, max_bytes);
  ASSAY_TRY(tensors.resolve_storages(records));
  return TorchTree(source, pickle, tensors, file).read_root();
}

}  // namespace assay::tensor
