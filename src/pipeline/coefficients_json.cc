#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "assay/pipeline.h"
#include "base/file.h"
#include "base/json.h"
#include "base/try.h"

namespace assay::pipeline {
namespace {

/// The three fields, in any order: what comes is checked against the others at the end.
class PolynomialVisitor final : public JsonVisitor {
 public:
  /// Counts the coefficients, or puts `count` of them into `kept`.
  explicit PolynomialVisitor(std::vector<Scalar>* kept = nullptr, std::size_t count = 0)
      : kept_(kept), expected_(count) {}

  Status begin_object() override {
    if (in_root_) return unexpected("an object");
    in_root_ = true;
    return {};
  }

  Status end_object() override { return {}; }

  Status key(std::string_view name) override {
    for (const auto& [known, field] :
         {std::pair("dims", Field::kDims), std::pair("degree_bound", Field::kDegreeBound),
          std::pair("coefficients", Field::kCoefficients)}) {
      if (name != known) continue;
      field_ = field;
      return {};
    }
    return Error{ErrorCode::kMalformed, {}, fmt::format("no field \"{}\" belongs here", name)};
  }

  Status begin_array() override {
    if (in_array_ || field_ == Field::kNone || field_ == Field::kDegreeBound) return unexpected("an array");
    in_array_ = true;
    return {};
  }

  Status end_array() override {
    seen_[static_cast<std::size_t>(field_)] = true;
    field_ = Field::kNone;
    in_array_ = false;
    return {};
  }

  Status integer(std::string_view decimal) override {
    const bool size = field_ == Field::kDims && in_array_;
    if (!size && field_ != Field::kDegreeBound) return unexpected("an integer");
    const Scalar number = ASSAY_TRY(Scalar::from_decimal(decimal, ""));
    if (number.bit_width() > 63)
      return Error{ErrorCode::kOutOfRange, {}, fmt::format("{} is not a number of nodes", decimal)};
    if (size) {
      if (dims_.size() == Axes::kMaxCount)
        return Error{ErrorCode::kTooLarge, {}, fmt::format("more than {} dims", Axes::kMaxCount)};
      dims_.push_back(number.words[0]);
      return {};
    }
    degree_bound_ = number.words[0];
    seen_[static_cast<std::size_t>(Field::kDegreeBound)] = true;
    field_ = Field::kNone;
    return {};
  }

  Status string(std::string_view text) override {
    if (field_ != Field::kCoefficients || !in_array_) return unexpected("a string");
    if (text.starts_with('-'))
      return Error{
          ErrorCode::kOutOfRange, {}, "a negative coefficient: residues from 0 to r - 1 are expected"};
    if (count_++ == Axes::kMaxVolume) return Error{ErrorCode::kTooLarge, {}, "more than 2^32 coefficients"};
    if (kept_ == nullptr) return {};
    if (kept_->empty()) kept_->reserve(expected_);
    kept_->push_back(ASSAY_TRY(Scalar::from_decimal(text, "")));
    return {};
  }

  Result<CoefficientsJson> take(std::string_view place) {
    for (const auto& [name, field] :
         {std::pair("dims", Field::kDims), std::pair("degree_bound", Field::kDegreeBound),
          std::pair("coefficients", Field::kCoefficients)}) {
      if (!seen_[static_cast<std::size_t>(field)])
        return Error{ErrorCode::kMalformed, std::string(place),
                     fmt::format("the field \"{}\" is missing", name)};
    }
    const Axes axes = ASSAY_TRY(Axes::from(dims_, fmt::format("{}: dims", place)));
    const std::uint64_t largest = *std::ranges::max_element(dims_);
    if (degree_bound_ != largest)
      return Error{ErrorCode::kMismatch, fmt::format("{}: degree_bound", place),
                   fmt::format("{}, the largest of the dims is {}", degree_bound_, largest)};
    if (count_ != axes.volume())
      return Error{ErrorCode::kMismatch, fmt::format("{}: coefficients", place),
                   fmt::format("{} where the dims {} need {}", count_, axes.to_string(), axes.volume())};
    return CoefficientsJson{axes, static_cast<std::uint32_t>(degree_bound_), {}};
  }

 private:
  enum class Field : std::uint8_t { kDims, kDegreeBound, kCoefficients, kNone };

  bool in_root_ = false;
  bool in_array_ = false;
  Field field_ = Field::kNone;
  std::array<bool, 3> seen_{};
  std::vector<std::uint64_t> dims_;
  std::uint64_t degree_bound_ = 0;
  std::vector<Scalar>* kept_;
  std::size_t expected_;
  std::uint64_t count_ = 0;
};

}  // namespace

Result<CoefficientsJson> CoefficientsJson::parse(std::string_view json, std::string_view place) {
  PolynomialVisitor counted;
  ASSAY_TRY(parse_json_stream(json, counted, place));
  CoefficientsJson out = ASSAY_TRY(counted.take(place));
  // A coefficient may have one digit, and takes 32 bytes: none is kept before they are known to be as many as
  // the dims say, which may stand behind them.
  PolynomialVisitor keeping(&out.coefficients, out.axes.volume());
  ASSAY_TRY(parse_json_stream(json, keeping, place));
  return out;
}

Result<CoefficientsJson> CoefficientsJson::read(const std::filesystem::path& path) {
  const MappedFile file = ASSAY_TRY(MappedFile::open(path));
  file.advise_sequential();
  return parse({reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()}, path.string());
}

Status write_coefficients_json(const Axes& axes, std::span<const Fr> coefficients,
                               const std::function<Status(std::string_view)>& write) {
  if (coefficients.size() != axes.volume())
    return Error{
        ErrorCode::kMismatch, "coefficients",
        fmt::format("{} where the axes {} need {}", coefficients.size(), axes.to_string(), axes.volume())};
  constexpr std::size_t kPiece = std::size_t{1} << 16;
  std::string text = "{\n  \"dims\": [";
  for (std::size_t i = 0; i < axes.count(); ++i) text += fmt::format("{}{}", i == 0 ? "" : ", ", axes[i]);
  text += fmt::format("],\n  \"degree_bound\": {},\n  \"coefficients\": [",
                      *std::ranges::max_element(axes.sizes()));
  for (std::size_t i = 0; i < coefficients.size(); ++i) {
    text += fmt::format("{}\"{}\"", i == 0 ? "" : ", ", coefficients[i].to_scalar().to_decimal());
    if (text.size() < kPiece) continue;
    ASSAY_TRY(write(text));
    text.clear();
  }
  return write(text + "]\n}\n");
}

}  // namespace assay::pipeline
