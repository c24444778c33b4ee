// .gotact, .gotue and their JSON forms, as the rest of this room takes them; labels.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "assay/probe.h"
#include "base/file.h"
#include "base/try.h"
#include "base/wire.h"
#include "base/within.h"
#include "probe/sources.h"
#include "tensor/source.h"

namespace assay::probe {
namespace {

constexpr std::string_view kPrecisionNames[] = {"fp32", "fp16", "bf16", "int8"};
constexpr std::uint16_t kVersion = 1;
constexpr std::uint64_t kMaxLayers = 4096;
constexpr std::uint64_t kMaxPositions = std::uint64_t{1} << 24;
constexpr std::size_t kMaxModelId = 4096;

bool begins_as_json(ByteSpan bytes) { return !bytes.empty() && (bytes[0] == '[' || bytes[0] == '{'); }

std::string_view text_of(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Status check_width(std::uint64_t width, std::string_view place) {
  if (width >= 1 && width <= kMaxWidth) return {};
  return Error{ErrorCode::kTooLarge, std::string(place),
               fmt::format("rows of {} values, 1 to {} are taken", width, kMaxWidth)};
}

template <class T>
Result<std::vector<T>> numbers_of_list(std::string_view list) {
  std::vector<T> numbers;
  list.remove_prefix(1);
  for (const char* at = list.data(); at < list.data() + list.size() - 1;) {
    T number = 0;
    at = std::from_chars(at, list.data() + list.size(), number).ptr + 1;
    numbers.push_back(number);
  }
  return numbers;
}

Result<Activations> from_container(const tensor::TensorFile& file, std::string_view place) {
  Activations out;
  out.model_id = file.metadata_value("model_name");
  out.precision = *precision_from(file.metadata_value("precision"));
  out.positions = ASSAY_TRY(numbers_of_list<std::uint32_t>(file.metadata_value("token_positions")));
  ASSAY_TRY(check_width(file.tensors[0].shape[1], place));
  out.width = static_cast<std::uint32_t>(file.tensors[0].shape[1]);
  out.owner = file.tensors[0].owner;
  for (const tensor::TensorView& view : file.tensors) {
    std::uint32_t layer = 0;
    const std::string_view number = std::string_view(view.name).substr(std::string_view("layer_").size());
    std::from_chars(number.data(), number.data() + number.size(), layer);
    // Rows are copied out of the file, one behind the other, into memory that is aligned for any type.
    out.layers.push_back({layer, {reinterpret_cast<const float*>(view.bytes.data()), view.size()}});
  }
  return out;
}

/// One object of the JSON form.
struct JsonRow {
  std::uint32_t layer = 0;
  std::uint32_t position = 0;
  std::vector<float> values;
};

Result<std::vector<float>> row_of_floats(const JsonValue& value, std::size_t most) {
  const JsonArray items = ASSAY_TRY(value.array(most));
  return items.all([](const JsonValue& item) -> Result<float> { return internal::float_of(item); });
}

Result<JsonRow> row_of(const JsonValue& item) {
  const JsonFields fields = ASSAY_TRY(item.fields({"layer", "token_position", "values"}));
  return JsonRow{ASSAY_TRY(fields["layer"].integer<std::uint32_t>()),
                 ASSAY_TRY(fields["token_position"].integer<std::uint32_t>()),
                 ASSAY_TRY(row_of_floats(fields["values"], kMaxWidth))};
}

/// Layers and positions in the order of a .gotact, each layer with the positions of the first.
Result<Activations> assemble(std::vector<JsonRow> rows, std::string_view place) {
  if (rows.empty()) return Error{ErrorCode::kMalformed, std::string(place), "it has no rows"};
  const auto refused = [&](const JsonRow& row, ErrorCode code, std::string_view reason) {
    return Error{code, fmt::format("{}: layer {}, position {}", place, row.layer, row.position),
                 std::string(reason)};
  };
  Activations out;
  out.width = static_cast<std::uint32_t>(rows[0].values.size());
  ASSAY_TRY(check_width(out.width, place));
  for (const JsonRow& row : rows)
    if (row.layer == rows[0].layer) out.positions.push_back(row.position);
  auto values = std::make_shared<std::vector<float>>();
  std::vector<std::uint32_t> layers;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::size_t p = i % out.positions.size();
    if (rows[i].values.size() != out.width)
      return refused(rows[i], ErrorCode::kMismatch, "its row has another width than the first");
    if (rows[i].position != out.positions[p] || (p > 0 && rows[i].position <= rows[i - 1].position))
      return refused(rows[i], ErrorCode::kNonCanonical,
                     "positions do not ascend, or are not those of the first layer");
    if (p > 0 && rows[i].layer != layers.back())
      return refused(rows[i], ErrorCode::kMismatch, "the layer before lacks positions of the first");
    if (p == 0 && !layers.empty() && rows[i].layer <= layers.back())
      return refused(rows[i], ErrorCode::kNonCanonical, "layers do not ascend");
    if (p == 0) layers.push_back(rows[i].layer);
    values->insert(values->end(), rows[i].values.begin(), rows[i].values.end());
  }
  if (rows.size() != layers.size() * out.positions.size())
    return refused(rows.back(), ErrorCode::kMismatch, "the last layer lacks positions of the first");
  const std::size_t of_layer = out.positions.size() * out.width;
  for (std::size_t l = 0; l < layers.size(); ++l)
    out.layers.push_back({layers[l], std::span<const float>(*values).subspan(l * of_layer, of_layer)});
  out.owner = values;
  return out;
}

Status check_ascending(std::span<const std::uint32_t> numbers, std::uint64_t most, std::string_view what) {
  if (numbers.empty() || numbers.size() > most)
    return Error{ErrorCode::kTooLarge, std::string(what),
                 fmt::format("{} of them, 1 to {} are taken", numbers.size(), most)};
  if (std::ranges::adjacent_find(numbers, std::ranges::greater_equal()) != numbers.end())
    return Error{ErrorCode::kNonCanonical, std::string(what), "they do not ascend"};
  return {};
}

Status check_finite(std::span<const float> values) {
  const auto bad = std::ranges::find_if(values, [](float value) { return !std::isfinite(value); });
  if (bad == values.end()) return {};
  return Error{ErrorCode::kOutOfRange, fmt::format("value {}", bad - values.begin()), "is not finite"};
}

ByteSpan bytes_of(std::span<const float> values) {
  return {reinterpret_cast<const std::uint8_t*>(values.data()), values.size_bytes()};
}

}  // namespace

std::string_view to_string(Precision precision) {
  return kPrecisionNames[static_cast<std::size_t>(precision)];
}

std::optional<Precision> precision_from(std::string_view name) {
  const auto* found = std::ranges::find(kPrecisionNames, name);
  if (found == std::end(kPrecisionNames)) return std::nullopt;
  return static_cast<Precision>(found - std::begin(kPrecisionNames));
}

const LayerRows* Activations::find(std::uint32_t layer) const {
  const auto found = std::ranges::find(layers, layer, &LayerRows::layer);
  return found == layers.end() ? nullptr : &*found;
}

Result<Activations> internal::parse_activations(const tensor::Source& source) {
  Activations out;
  if (begins_as_json(source.bytes)) {
    const JsonText json = ASSAY_TRY(JsonText::parse(text_of(source.bytes), source.place, kMaxJsonBytes));
    const JsonArray items = ASSAY_TRY(json.root().array(kMaxJsonValues));
    std::vector<JsonRow> rows = ASSAY_TRY(items.all(row_of));
    out = ASSAY_TRY(assemble(std::move(rows), source.place));
  } else {
    const tensor::TensorFile file = ASSAY_TRY(tensor::parse_gotact(source));
    out = ASSAY_TRY(from_container(file, source.place));
  }
  out.sha256 = sha256(source.bytes);
  return out;
}

Result<Unembedding> internal::parse_unembedding(const tensor::Source& source) {
  Unembedding out;
  if (begins_as_json(source.bytes)) {
    const JsonText json = ASSAY_TRY(JsonText::parse(text_of(source.bytes), source.place, kMaxJsonBytes));
    const JsonFields fields = ASSAY_TRY(json.root().fields({"vocab_size", "hidden_dim", "data"}));
    out.tokens = ASSAY_TRY(fields["vocab_size"].integer<std::uint32_t>(1));
    out.width = ASSAY_TRY(fields["hidden_dim"].integer<std::uint32_t>(1, kMaxWidth));
    const auto values =
        std::make_shared<std::vector<float>>(ASSAY_TRY(row_of_floats(fields["data"], kMaxJsonValues)));
    if (values->size() != out.tokens * out.width)
      return fields["data"].error(ErrorCode::kMismatch,
                                  fmt::format("{} values where vocab_size and hidden_dim ask for {}",
                                              values->size(), out.tokens * out.width));
    out.values = bytes_of(*values);
    out.owner = values;
  } else {
    const tensor::TensorFile file = ASSAY_TRY(tensor::parse_gotue(source));
    ASSAY_TRY(check_width(file.tensors[0].shape[1], source.place));
    out.tokens = file.tensors[0].shape[0];
    out.width = static_cast<std::uint32_t>(file.tensors[0].shape[1]);
    out.values = file.tensors[0].bytes;
    out.owner = file.tensors[0].owner;
  }
  out.sha256 = sha256(source.bytes);
  return out;
}

Result<Activations> open_activations(const std::filesystem::path& path) {
  const auto file = std::make_shared<MappedFile>(ASSAY_TRY(MappedFile::open(path)));
  return internal::parse_activations({file->bytes(), file, path.string()});
}

Result<Unembedding> open_unembedding(const std::filesystem::path& path) {
  const auto file = std::make_shared<MappedFile>(ASSAY_TRY(MappedFile::open(path)));
  file->advise_sequential();
  return internal::parse_unembedding({file->bytes(), file, path.string()});
}

Status write_activations(const std::filesystem::path& path, std::string_view model_id, Precision precision,
                         std::uint32_t width, std::span<const std::uint32_t> layers,
                         std::span<const std::uint32_t> positions, std::span<const float> values) {
  if (model_id.size() > kMaxModelId)
    return Error{ErrorCode::kTooLarge, "model id", fmt::format("over {} bytes", kMaxModelId)};
  ASSAY_TRY(check_width(width, "rows"));
  ASSAY_TRY(check_ascending(layers, kMaxLayers, "layers"));
  ASSAY_TRY(check_ascending(positions, kMaxPositions, "positions"));
  if (values.size() != layers.size() * positions.size() * width)
    return Error{
        ErrorCode::kMismatch, "values",
        fmt::format("{} of them, {} layers of {} rows of {} ask for {}", values.size(), layers.size(),
                    positions.size(), width, layers.size() * positions.size() * width)};
  ASSAY_TRY(check_finite(values));
  WireWriter header;
  header.raw(tensor::kGotactMagic).u16(kVersion).text(model_id);
  header.u8(static_cast<std::uint8_t>(precision)).u32(width).u32(static_cast<std::uint32_t>(layers.size()));
  header.u32(static_cast<std::uint32_t>(positions.size()));
  AtomicFile file = ASSAY_TRY(AtomicFile::create(path));
  ASSAY_TRY(file.write(header.bytes()));
  for (std::size_t l = 0; l < layers.size(); ++l) {
    ASSAY_TRY(file.write(WireWriter().u32(layers[l]).bytes()));
    for (std::size_t p = 0; p < positions.size(); ++p) {
      ASSAY_TRY(file.write(WireWriter().u32(positions[p]).bytes()));
      ASSAY_TRY(file.write(bytes_of(values.subspan((l * positions.size() + p) * width, width))));
    }
  }
  return file.publish();
}

struct UnembeddingWriter::State {
  AtomicFile file;
  std::uint64_t tokens;
  std::uint32_t width;
  std::uint64_t written = 0;
};

UnembeddingWriter::UnembeddingWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
UnembeddingWriter::UnembeddingWriter(UnembeddingWriter&&) noexcept = default;
UnembeddingWriter& UnembeddingWriter::operator=(UnembeddingWriter&&) noexcept = default;
UnembeddingWriter::~UnembeddingWriter() = default;

Result<UnembeddingWriter> UnembeddingWriter::create(const std::filesystem::path& path, std::uint64_t tokens,
                                                    std::uint32_t width) {
  ASSAY_TRY(check_width(width, "rows"));
  if (tokens == 0 || tokens > UINT32_MAX)
    return Error{ErrorCode::kTooLarge, "tokens", fmt::format("{} of them, 1 to 2^32 - 1 are taken", tokens)};
  State state{ASSAY_TRY(AtomicFile::create(path)), tokens, width};
  WireWriter header;
  header.raw(tensor::kGotueMagic).u16(kVersion).u32(static_cast<std::uint32_t>(tokens)).u32(width);
  ASSAY_TRY(state.file.write(header.bytes()));
  return UnembeddingWriter(std::make_unique<State>(std::move(state)));
}

Status UnembeddingWriter::add(std::span<const float> rows) {
  const std::uint64_t count = rows.size() / state_->width;
  if (rows.size() % state_->width != 0 || count > state_->tokens - state_->written)
    return Error{ErrorCode::kMismatch, "unembedding",
                 fmt::format("{} values behind row {}, {} rows of {} are expected", rows.size(),
                             state_->written, state_->tokens, state_->width)};
  ASSAY_TRY(check_finite(rows));
  ASSAY_TRY(state_->file.write(bytes_of(rows)));
  state_->written += count;
  return {};
}

Status UnembeddingWriter::finish() {
  if (state_->written != state_->tokens)
    return Error{ErrorCode::kMismatch, "unembedding",
                 fmt::format("{} rows were written, {} announced", state_->written, state_->tokens)};
  return state_->file.publish();
}

Result<std::vector<bool>> parse_labels(std::string_view text, std::string_view place) {
  constexpr std::string_view kSpace = " \t\r\v\f";
  std::vector<bool> labels;
  for (std::size_t line = 1; !text.empty(); ++line) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t first = word.find_first_not_of(kSpace);
    if (first == std::string_view::npos) continue;
    word = word.substr(first, word.find_last_not_of(kSpace) - first + 1);
    if (word != "1" && word != "true" && word != "0" && word != "false")
      return Error{ErrorCode::kMalformed, fmt::format("{}: line {}", place, line),
                   "it is neither 1, true, 0 nor false"};
    labels.push_back(word == "1" || word == "true");
  }
  return labels;
}

Result<std::vector<bool>> read_labels(const std::filesystem::path& path) {
  const Bytes bytes = ASSAY_TRY(read_file(path, internal::kMaxLabelBytes));
  return parse_labels(text_of(bytes), path.string());
}

std::string labels_text(const std::vector<bool>& labels) {
  std::string text;
  for (const bool label : labels) text += label ? "1\n" : "0\n";
  return text;
}

}  // namespace assay::probe
