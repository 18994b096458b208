// How Teams draws cards, closely: two host configurations for Microsoft's renderer.
"use strict";

const TONES = {
  light: {
    default: "#ffffff", emphasis: "#f5f5f5", accent: "#e8ebfa", good: "#e7f2da", warning: "#fff4ce",
    attention: "#fde7e9", text: "#242424", subtle: "#616161", accentText: "#4f52b2", goodText: "#0e700e",
    warningText: "#835c00", attentionText: "#b10e1c",
  },
  dark: {
    default: "#292929", emphasis: "#333333", accent: "#2f2f4a", good: "#1c3020", warning: "#463100",
    attention: "#4a1c22", text: "#ffffff", subtle: "#adadad", accentText: "#9299f7", goodText: "#92c353",
    warningText: "#f8d22a", attentionText: "#ff99a4",
  },
};

function hostConfig(theme) {
  const tones = TONES[theme];
  const pair = (normal, subtle = normal) => ({ default: tones[normal], subtle: tones[subtle] });
  const foregroundColors = {
    default: pair("text", "subtle"), dark: pair("text", "subtle"), light: pair("text", "subtle"),
    accent: pair("accentText"), good: pair("goodText"), warning: pair("warningText"),
    attention: pair("attentionText"),
  };
  const names = ["default", "emphasis", "accent", "good", "warning", "attention"];
  const styles = names.map((name) => [name, { backgroundColor: tones[name], foregroundColors }]);
  return {
    fontFamily: "'Segoe UI','Noto Sans','Liberation Sans','DejaVu Sans',sans-serif",
    fontSizes: { small: 12, default: 14, medium: 16, large: 18, extraLarge: 24 },
    fontWeights: { lighter: 300, default: 400, bolder: 600 },
    lineHeights: { small: 16, default: 20, medium: 22, large: 24, extraLarge: 32 },
    spacing: { small: 8, default: 12, medium: 16, large: 20, extraLarge: 24, padding: 16 },
    separator: { lineThickness: 1, lineColor: "#88888844" },
    supportsInteractivity: true,
    containerStyles: Object.fromEntries(styles),
    actions: { actionsOrientation: "horizontal", actionAlignment: "left", maxActions: 6, buttonSpacing: 8 },
  };
}
