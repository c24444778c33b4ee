// Errors as people are shown them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace assay {

/// printable() of an error, in at most 300 characters: of a longer one its beginning and its end, which have
/// the place and the reason, and " .. " between. So many of them, up to 100, are left for what stands
/// `before` it.
[[nodiscard]] std::string error_line(std::string_view text, std::size_t before = 0);

}  // namespace assay
