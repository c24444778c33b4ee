// A response of SGLang: the rows of the prompt in arrays of arrays, then a row for each token that was fed.
#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <string>

#include "base/json.h"
#include "base/try.h"
#include "tensor/engines.h"

namespace assay::tensor {
namespace {

constexpr std::uint64_t kMaxRows = std::uint64_t{1} << 24;
constexpr std::uint64_t kMaxValues = std::uint64_t{1} << 33;

/// What is read of a response; all else in it is checked as JSON and left.
class ResponseVisitor final : public JsonVisitor {
 public:
  Status begin_object() override {
    if (skip()) return {};
    if (level_ == Level::kOutside || level_ == Level::kBatch) {
      if (responses_++ > 0)
        return Error{ErrorCode::kMismatch, "", "a batch of responses: give each in a file of its own"};
      outside_ = level_;
      level_ = Level::kResponse;
      return {};
    }
    if (level_ == Level::kResponse && field_ == "meta_info") {
      level_ = Level::kMeta;
      return {};
    }
    return skip_field("an object");
  }

  Status end_object() override {
    if (unskip()) return {};
    level_ = level_ == Level::kMeta ? Level::kResponse : outside_;
    return {};
  }

  Status begin_array() override {
    if (skip()) return {};
    switch (level_) {
      case Level::kOutside:
        level_ = Level::kBatch;
        return {};
      case Level::kResponse:
        if (field_ != "output_ids") break;
        level_ = Level::kIds;
        return {};
      case Level::kMeta:
        if (field_ != "hidden_states") break;
        level_ = Level::kStates;
        has_states_ = true;
        return {};
      case Level::kStates:
        level_ = Level::kEntry;
        is_block_ = false;
        return {};
      case Level::kEntry:
        if (row_ > 0) return unexpected("an array");
        is_block_ = true;
        level_ = Level::kRow;
        return {};
      default:
        return unexpected("an array");
    }
    return skip_field("an array");
  }

  Status end_array() override {
    if (unskip()) return {};
    switch (level_) {
      case Level::kRow:
        level_ = Level::kEntry;
        return end_row();
      case Level::kEntry:
        level_ = Level::kStates;
        if (!is_block_) {
          produced_any_ = true;
          return end_row();
        }
        if (!produced_any_) return {};
        return Error{ErrorCode::kMalformed, "", "rows of a prompt behind those of produced tokens"};
      case Level::kStates:
        level_ = Level::kMeta;
        return {};
      case Level::kIds:
        level_ = Level::kResponse;
        return {};
      default:
        level_ = Level::kOutside;
        return {};
    }
  }

  Status key(std::string_view name) override {
    if (skipped_ == 0) field_ = name;
    return {};
  }

  Status integer(std::string_view decimal) override {
    if (skipped_ > 0) return {};
    if (level_ == Level::kIds) {
      out_.produced_ids.push_back(static_cast<std::uint32_t>(ASSAY_TRY(number(decimal, UINT32_MAX))));
      return out_.produced_ids.size() > kMaxRows ? too_many("ids") : Status{};
    }
    if (level_ == Level::kMeta) {
      for (const auto& [name, into] : {std::pair("prompt_tokens", &out_.prompt_tokens),
                                       {"completion_tokens", &out_.completion_tokens},
                                       {"cached_tokens", &cached_tokens_}})
        if (field_ == name) {
          *into = ASSAY_TRY(number(decimal, kMaxRows));
          return {};
        }
    }
    if (is_left()) return {};
    double value = 0;
    const auto [end, failure] = std::from_chars(decimal.data(), decimal.data() + decimal.size(), value);
    if (failure != std::errc()) return Error{ErrorCode::kOutOfRange, "", "no float32 is so large"};
    return add(value);
  }
  Status real(double value) override { return is_left() ? Status{} : add(value); }
  Status string(std::string_view) override { return is_left() ? Status{} : unexpected("a text"); }
  Status boolean(bool) override { return is_left() ? Status{} : unexpected("true or false"); }
  Status null() override {
    if (is_left()) return {};
    return Error{ErrorCode::kOutOfRange, "", "null, as NaN and infinity are written: no state"};
  }

  Result<EngineStates> take(const Source& source) {
    if (responses_ == 0) return source.malformed("", "no response in it");
    if (!has_states_)
      return source.malformed("meta_info.hidden_states",
                              "is missing: ask /generate with return_hidden_states, of a server started with "
                              "--enable-return-hidden-states");
    for (const auto& [name, value] :
         {std::pair("prompt_tokens", out_.prompt_tokens), {"completion_tokens", out_.completion_tokens}})
      if (value == 0)
        return source.malformed(fmt::format("meta_info.{}", name), "an integer of at least 1 is expected");
    const std::uint64_t wanted = out_.prompt_tokens + out_.completion_tokens - 1;
    if (rows_ != wanted) return source.error(ErrorCode::kMismatch, "meta_info.hidden_states", why(wanted));
    if (!out_.produced_ids.empty() && out_.produced_ids.size() != out_.completion_tokens)
      return source.error(
          ErrorCode::kMismatch, "output_ids",
          fmt::format("{} ids for {} tokens", out_.produced_ids.size(), out_.completion_tokens));
    out_.engine = Engine::kSglang;
    out_.layers.push_back(layer());
    return std::move(out_);
  }

 private:
  enum class Level : std::uint8_t { kOutside, kBatch, kResponse, kMeta, kStates, kEntry, kRow, kIds };

  bool skip() {
    if (skipped_ == 0) return false;
    ++skipped_;
    return true;
  }
  bool unskip() {
    if (skipped_ == 0) return false;
    --skipped_;
    return true;
  }
  /// Leaves the value of a field that nothing is read of.
  Status skip_field(std::string_view what) {
    if (level_ != Level::kResponse && level_ != Level::kMeta) return unexpected(what);
    if (is_wanted()) return unexpected(what);
    skipped_ = 1;
    return {};
  }
  /// Whether the field is one that is read, and has another form.
  [[nodiscard]] bool is_wanted() const {
    if (level_ == Level::kResponse) return field_ == "meta_info" || field_ == "output_ids";
    return level_ == Level::kMeta && (field_ == "hidden_states" || field_ == "prompt_tokens" ||
                                      field_ == "completion_tokens" || field_ == "cached_tokens");
  }
  /// Whether a value that is no array or object is left.
  [[nodiscard]] bool is_left() const {
    return skipped_ > 0 || ((level_ == Level::kResponse || level_ == Level::kMeta) && !is_wanted());
  }

  static Error too_many(std::string_view what) {
    return {ErrorCode::kTooLarge, "", fmt::format("too many {}", what)};
  }
  static Result<std::uint64_t> number(std::string_view decimal, std::uint64_t most) {
    std::uint64_t value = 0;
    const char* const last = decimal.data() + decimal.size();
    const auto [end, failure] = std::from_chars(decimal.data(), last, value);
    if (failure == std::errc() && end == last && value <= most) return value;
    return Error{ErrorCode::kOutOfRange, "", fmt::format("an integer from 0 to {} is expected here", most)};
  }

  Status add(double value) {
    if (level_ == Level::kEntry ? is_block_ : level_ != Level::kRow) return unexpected("a number");
    const auto single = static_cast<float>(value);
    if (static_cast<double>(single) != value)
      return Error{ErrorCode::kOutOfRange, "", fmt::format("{} is not a float32", value)};
    if (values_.size() == kMaxValues) return too_many("values");
    values_.push_back(single);
    ++row_;
    all_bf16_ = all_bf16_ && (std::bit_cast<std::uint32_t>(single) & 0xffffU) == 0;
    all_zero_ = all_zero_ && single == 0;
    return {};
  }

  Status end_row() {
    if (row_ == 0) return Error{ErrorCode::kMalformed, "", "a row without values"};
    if (rows_ > 0 && row_ != width_)
      return Error{ErrorCode::kMismatch, "",
                   fmt::format("row {} has {} values, those before {}", rows_, row_, width_)};
    if (all_zero_)
      return Error{ErrorCode::kMismatch, "", fmt::format("row {} is all zeros: its state was lost", rows_)};
    if (rows_ == kMaxRows) return too_many("rows");
    width_ = row_;
    row_ = 0;
    all_zero_ = true;
    ++rows_;
    return {};
  }

  [[nodiscard]] std::string why(std::uint64_t wanted) const {
    std::string reason = fmt::format("{} rows for {} tokens of the prompt and {} produced, {} are needed",
                                     rows_, out_.prompt_tokens, out_.completion_tokens, wanted);
    if (rows_ > wanted) return reason;
    if (cached_tokens_ > 0)
      return reason + fmt::format(
                          ": those of {} cached tokens are missing; start the server with "
                          "--disable-radix-cache",
                          cached_tokens_);
    return reason + ": speculative decoding and prompts in pieces lose rows";
  }

  TensorView layer() {
    TensorView view{"hidden_states", Dtype::kF32, {rows_, width_}, {}, {}};
    if (all_bf16_) {
      const auto kept = std::make_shared<std::vector<std::uint16_t>>(values_.size());
      for (std::size_t i = 0; i < values_.size(); ++i)
        (*kept)[i] = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(values_[i]) >> 16);
      view.dtype = Dtype::kBF16;
      view.bytes = {reinterpret_cast<const std::uint8_t*>(kept->data()), kept->size() * 2};
      view.owner = kept;
      return view;
    }
    const auto kept = std::make_shared<std::vector<float>>(std::move(values_));
    view.bytes = {reinterpret_cast<const std::uint8_t*>(kept->data()), kept->size() * sizeof(float)};
    view.owner = kept;
    return view;
  }

  EngineStates out_;
  Level level_ = Level::kOutside;
  Level outside_ = Level::kOutside;  // what the response lies in
  std::string field_;
  std::size_t skipped_ = 0;  // arrays and objects that are open in what is left
  std::size_t responses_ = 0;
  bool has_states_ = false;
  bool is_block_ = false;      // whether the entry is an array of rows
  bool produced_any_ = false;  // whether a single row came
  std::uint64_t cached_tokens_ = 0;
  std::vector<float> values_;
  std::uint64_t rows_ = 0;
  std::uint64_t width_ = 0;
  std::uint64_t row_ = 0;  // values of the row that is being read
  bool all_bf16_ = true;
  bool all_zero_ = true;
};

}  // namespace

Result<EngineStates> parse_sglang(const Source& source) {
  ResponseVisitor visitor;
  const std::string_view text(reinterpret_cast<const char*>(source.bytes.data()), source.bytes.size());
  ASSAY_TRY(parse_json_stream(text, visitor, source.place));
  return visitor.take(source);
}

}  // namespace assay::tensor
