"""What models cost: the price data of genai-prices, asked in a process of its own, and the user's prices."""
