#include "assay/error_line.h"

#include <algorithm>
#include <vector>

#include "assay/base.h"
#include "base/utf8.h"

namespace assay {

std::string error_line(std::string_view text, std::size_t before) {
  constexpr std::size_t kLine = 300, kMostBefore = 100;  // characters
  const std::size_t most = kLine - std::min(before, kMostBefore);
  constexpr std::string_view kGap = " .. ";
  constexpr std::size_t kEnd = 120;
  std::string line = printable(text);
  std::vector<std::size_t> starts;  // of the characters, all of which are well-formed now
  for (std::size_t at = 0; at < line.size(); at += next_utf8(std::string_view(line).substr(at)).size)
    starts.push_back(at);
  if (starts.size() <= most) return line;
  return line.substr(0, starts[most - kGap.size() - kEnd]) + std::string(kGap) +
         line.substr(starts[starts.size() - kEnd]);
}

}  // namespace assay
