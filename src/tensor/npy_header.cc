#include "tensor/npy_header.h"

#include <charconv>

#include "base/try.h"
#include "tensor/limits.h"
#include "tensor/load.h"

namespace assay::tensor {
namespace {

constexpr std::size_t kMaxHeaderText = 65535;

// The Python literal {'descr': str, 'fortran_order': bool, 'shape': tuple of int}, and nothing else.
class DictLiteral {
 public:
  DictLiteral(const Source& source, std::string_view text) : source_(source), text_(text) {}

  Result<NpyHeader> parse() {
    NpyHeader header;
    bool seen_descr = false;
    bool seen_order = false;
    bool seen_shape = false;
    ASSAY_TRY(expect('{'));
    while (!take('}')) {
      const std::string key = ASSAY_TRY(string());
      ASSAY_TRY(expect(':'));
      skip_spaces();
      if (key == "descr" && !seen_descr) {
        seen_descr = true;
        if (next_is('['))
          return source_.error(ErrorCode::kUnsupported, "descr", "structured types are not read");
        header.descr = ASSAY_TRY(string());
      } else if (key == "fortran_order" && !seen_order) {
        seen_order = true;
        if (ASSAY_TRY(boolean())) {
          return source_.error(ErrorCode::kUnsupported, "fortran_order",
                               "Fortran order is not read: save numpy.ascontiguousarray(x)");
        }
      } else if (key == "shape" && !seen_shape) {
        seen_shape = true;
        header.shape = ASSAY_TRY(tuple());
      } else {
        return fail("a key that is unknown or given twice");
      }
      if (!take(',') && !next_is('}')) return fail("a comma or '}' is missing");
    }
    if (!seen_descr || !seen_order || !seen_shape) return fail("descr, fortran_order or shape is missing");
    skip_spaces();
    if (text_.substr(at_) != "\n") return fail("must end with a newline and have nothing else after '}'");
    return header;
  }

 private:
  Error fail(std::string_view reason) const {
    return source_.malformed(fmt::format("header at character {}", at_), reason);
  }

  void skip_spaces() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }

  bool next_is(char c) {
    skip_spaces();
    return at_ < text_.size() && text_[at_] == c;
  }

  bool take(char c) {
    if (!next_is(c)) return false;
    ++at_;
    return true;
  }

  Status expect(char c) {
    if (!take(c)) return fail(fmt::format("'{}' is missing", c));
    return {};
  }

  Result<std::string> string() {
    skip_spaces();
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    if (quote != '\'' && quote != '"') return fail("a quoted string is missing");
    const std::size_t end = text_.find(quote, at_ + 1);
    if (end == text_.npos) return fail("a string is not closed");
    const std::string value(text_.substr(at_ + 1, end - at_ - 1));
    for (const char c : value) {
      if (c < ' ' || c > '~' || c == '\\') return fail("a string with characters that no type name has");
    }
    at_ = end + 1;
    return value;
  }

  Result<bool> boolean() {
    for (const auto& [word, value] : {std::pair("True", true), std::pair("False", false)}) {
      if (text_.substr(at_).starts_with(word)) {
        at_ += std::string_view(word).size();
        return value;
      }
    }
    return fail("True or False is missing");
  }

  Result<std::uint64_t> integer() {
    skip_spaces();
    std::uint64_t value = 0;
    const char* begin = text_.data() + at_;
    const auto [end, code] = std::from_chars(begin, text_.data() + text_.size(), value);
    if (code != std::errc{}) return fail("an integer from 0 to 2^64 - 1 is missing");
    if (*begin == '0' && end - begin > 1) return fail("an integer with a leading zero");
    at_ += static_cast<std::size_t>(end - begin);
    return value;
  }

  // "()", "(3,)", "(3, 4)", "(3, 4,)"; "(3)" is no tuple.
  Result<Shape> tuple() {
    Shape shape;
    ASSAY_TRY(expect('('));
    bool comma = true;
    while (!take(')')) {
      if (!comma) return fail("a comma or ')' is missing");
      if (shape.size() == kMaxAxes) return fail("a shape of more than 32 axes");
      shape.push_back(ASSAY_TRY(integer()));
      comma = take(',');
    }
    if (shape.size() == 1 && !comma) return fail("a shape that is not a tuple");
    return shape;
  }

  const Source& source_;
  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

Result<NpyHeader> parse_npy_header(const Source& source) {
  const ByteSpan bytes = source.bytes;
  const std::string_view start(reinterpret_cast<const char*>(bytes.data()),
                               std::min<std::size_t>(bytes.size(), 6));
  if (start != kNpyMagic || bytes.size() < 10) return source.malformed("", "not an .npy file, or cut short");
  const unsigned major = bytes[6];
  if (major < 1 || major > 3 || bytes[7] != 0) {
    return source.error(ErrorCode::kUnsupported, "version",
                        fmt::format("{}.{} is not read", major, bytes[7]));
  }
  const std::size_t text_at = major == 1 ? 10 : 12;
  if (bytes.size() < text_at) return source.malformed("header", "cut short");
  const std::uint64_t length =
      major == 1 ? load_at<std::uint16_t>(bytes, 8) : std::uint64_t{load_at<std::uint32_t>(bytes, 8)};
  if (length > kMaxHeaderText)
    return source.error(ErrorCode::kTooLarge, "header", "longer than 65,535 bytes");
  if (length > bytes.size() - text_at) return source.malformed("header", "ends past the end of the file");
  const std::string_view text(reinterpret_cast<const char*>(bytes.data() + text_at), length);
  NpyHeader header = ASSAY_TRY(DictLiteral(source, text).parse());
  header.data_offset = text_at + length;
  return header;
}

Bytes npy_header(std::string_view descr, std::span<const std::uint64_t> shape) {
  std::string text = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}", descr,
                                 fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
  // 32 axes of 20 digits stay far below the 65,535 bytes of version 1.
  const std::size_t padded = (10 + text.size() + 1 + 63) / 64 * 64;
  text.append(padded - 10 - text.size() - 1, ' ');
  text += '\n';
  Bytes header(kNpyMagic.begin(), kNpyMagic.end());
  header.push_back(1);
  header.push_back(0);
  append(header, static_cast<std::uint16_t>(text.size()));
  header.insert(header.end(), text.begin(), text.end());
  return header;
}

}  // namespace assay::tensor
