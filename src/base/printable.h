// Which characters people are shown by their number alone.
#pragma once

namespace assay {

/// Unicode's control and format characters and its separators of lines and paragraphs (general categories Cc,
/// Cf, Zl, Zp), and those that are drawn as nothing (Default_Ignorable_Code_Point), as Unicode 15 has them.
[[nodiscard]] bool is_hidden(char32_t code);

}  // namespace assay
